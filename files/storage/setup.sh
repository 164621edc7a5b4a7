#!/bin/sh
# Makes the directory of a volume. Run as root by local-path-provisioner's helper pod, which sets VOL_DIR.
set -eu

mkdir -p "${VOL_DIR:?}"
# The pod's user is not known here. What is in volumes belongs to pods: no other user of the node has business there.
chmod 0777 "$VOL_DIR"
chmod 0700 "$(dirname "$VOL_DIR")"
