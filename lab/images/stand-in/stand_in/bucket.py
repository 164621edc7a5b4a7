"""Whether files can be kept where the service is told to keep them: one is written, read back and deleted."""

import os
import socket

Env = dict[str, str]

SECONDS = 5
"""For an answer. Another look comes soon, so nothing is tried twice."""


def _client(env: Env):
    # Here, because it takes 30 MB of memory, and one service of eight has files.
    import boto3
    from botocore.config import Config

    # As the service does: without being told so, it puts the bucket's name before the endpoint's.
    style = "path" if env.get("STORAGE_S3_FORCE_PATH_STYLE") == "true" else "virtual"
    return boto3.client(
        "s3",
        endpoint_url=env["STORAGE_S3_ENDPOINT"],
        region_name=env["STORAGE_S3_REGION"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        config=Config(
            s3={"addressing_style": style},
            connect_timeout=SECONDS,
            read_timeout=SECONDS,
            retries={"total_max_attempts": 1},
        ),
    )


def _keep_a_file(env: Env) -> str | None:
    """What is wrong with what came back, or None; nothing stays of it."""
    files = _client(env)
    content = os.urandom(64)
    # The pod's own, and the same at each look, so that the log tells a trouble once.
    place = {"Bucket": env["STORAGE_S3_BUCKET"], "Key": f"{env['TENANT_ID']}/stand-in/{socket.gethostname()}"}
    files.put_object(**place, Body=content)
    try:
        read = files.get_object(**place)["Body"].read()
    finally:
        files.delete_object(**place)
    return None if read == content else "what was read is not what was written"


def wrong_bucket(service: str, env: Env) -> list[str]:
    """A sentence if files can't be kept, in the storage's own words and without any key."""
    if service != "storage":
        return []
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        trouble = _keep_a_file(env)
    except ClientError as error:
        said = error.response["Error"]
        trouble = f"{error.operation_name}: {said.get('Code')}: {said.get('Message')}"
    except (BotoCoreError, ValueError) as error:
        trouble = str(error)
    return [f"bucket {env['STORAGE_S3_BUCKET']}: {trouble}"] if trouble else []
