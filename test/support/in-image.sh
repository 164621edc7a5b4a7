#!/bin/sh
# in-image.sh TREE WORK COMMAND…: runs a command as an image's user, in a copy of its tree that is thrown away.
# WORK is an empty folder. The copy has no network, and all that the command started is gone when it is.
# Start it with: unshare --mount --pid --fork --kill-child --net in-image.sh …
set -eu
tree=$1 work=$2
shift 2
mount -t tmpfs tmpfs "$work"
mkdir "$work/upper" "$work/work" "$work/root"
root=$work/root
mount -t overlay -o "lowerdir=$tree,upperdir=$work/upper,workdir=$work/work" overlay "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
exec chroot --userspec=65532:65532 "$root" "$@"
