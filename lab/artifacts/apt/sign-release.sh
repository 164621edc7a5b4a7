#!/bin/sh
# Signs a repository's Release file as apt wants it: InRelease, and Release.gpg beside it.
# Usage: sign-release.sh PRIVATE_KEY_FILE SUITE_DIR
# Must run in a mount namespace of its own: GnuPG's home and its agent's socket live on a tmpfs over /run.
set -eu
key=$1
suite=$2
mount -t tmpfs -o mode=0700 gnupg /run
export GNUPGHOME=/run/gnupg
mkdir -m 0700 "$GNUPGHOME"
gpg --batch --quiet --import "$key"
gpg --batch --quiet --digest-algo SHA512 --clearsign --output "$suite/InRelease" "$suite/Release"
gpg --batch --quiet --digest-algo SHA512 --armor --detach-sign --output "$suite/Release.gpg" "$suite/Release"
gpgconf --kill all
