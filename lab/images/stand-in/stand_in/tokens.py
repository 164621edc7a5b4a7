"""Tokens as PostgREST looks at them: by a set of keys, with the times that they name."""

import json

import jwt


def signed_by(secret: str, authorization: str | None) -> bool:
    """As Realtime's API looks at it: any claims, and an end only where the token names one."""
    options = {"verify_aud": False, "verify_iat": False, "verify_nbf": False}
    try:
        jwt.decode((authorization or "").removeprefix("Bearer "), secret, algorithms=["HS256", "HS384", "HS512"], options=options)
    except jwt.InvalidTokenError:
        return False
    return True


class Refused(Exception):
    """With the words for the client."""


def role_of(token: str | None, jwks: str, anonymous: str) -> str:
    """The role that a request has. Raises Refused."""
    if token is None:
        return anonymous
    try:
        head = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError as error:
        raise Refused(f"no token: {error}") from None
    if head.get("alg") not in ("ES256", "HS256"):
        raise Refused(f"a token by {head.get('alg')}")
    kind = {"ES256": "EC", "HS256": "oct"}[head["alg"]]
    keys = [key for key in json.loads(jwks)["keys"] if key["kty"] == kind and head.get("kid") in (None, key.get("kid"))]
    for key in keys:
        try:
            claims = jwt.decode(token, jwt.PyJWK(key).key, algorithms=[head["alg"]], options={"verify_aud": False, "require": ["exp"]})
            return claims.get("role", anonymous)
        except jwt.ExpiredSignatureError:
            raise Refused("JWT expired") from None
        except jwt.InvalidSignatureError:
            continue
        except jwt.InvalidTokenError as error:
            raise Refused(str(error)) from None
    raise Refused("no key of this stack has signed it")
