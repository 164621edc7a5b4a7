#!/bin/sh
# Removes the directory of a volume whose class says Delete. Run as root by local-path-provisioner's helper pod.
set -eu

rm -rf "${VOL_DIR:?}"
