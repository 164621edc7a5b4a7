#!/bin/sh
# Makes the directory of a volume. Run as root by local-path-provisioner's helper pod, which sets VOL_DIR.
set -eu

mkdir -m 0777 -p "${VOL_DIR:?}"
# What is in volumes belongs to pods: no other user of the node has business there.
chmod 0700 "$(dirname "$VOL_DIR")"
