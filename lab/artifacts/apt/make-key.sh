#!/bin/sh
# Makes the key that signs the lab's package repository.
# Usage: make-key.sh DIR   (writes DIR/private.asc, readable by its owner only, and DIR/public.asc)
# Must run in a mount namespace of its own: GnuPG's home and its agent's socket live on a tmpfs over /run.
set -eu
dir=$1
mount -t tmpfs -o mode=0700 gnupg /run
export GNUPGHOME=/run/gnupg
mkdir -m 0700 "$GNUPGHOME"
umask 077
gpg --batch --quiet --pinentry-mode loopback --passphrase '' \
  --quick-generate-key 'gardenos lab packages' ed25519 sign never
gpg --batch --armor --export-secret-keys >"$dir/private.asc"
gpg --batch --armor --export >"$dir/public.asc"
chmod 0644 "$dir/public.asc"
gpgconf --kill all
