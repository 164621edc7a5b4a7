#!/bin/sh
# Becomes the supervisor of one machine. Runs in a mount name space of its own, so that nothing mounted here shows
# on the host, and all of it is gone with the machine.
# Usage: MACHINE_DIR=… ROOTFS=… CGROUPS=… boot.sh ARGUMENTS-OF-SYSTEMD-NSPAWN
#   MACHINE_DIR  folder with upper, work, lower and root
#   ROOTFS       the image: a directory, never written to
#   CGROUPS      the machine's folders, one per line
set -eu
cd "$MACHINE_DIR"

printf '%s\n' "$CGROUPS" | while IFS= read -r dir; do
  echo $$ >"$dir/cgroup.procs"
done

# Relative paths, because an absolute one may hold the characters that overlay's options give a meaning.
mount --bind "$ROOTFS" lower
mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay root

# systemd-nspawn leaves lock files and folders in /run when it is killed.
mount -t tmpfs -o mode=0755 tmpfs /run

exec systemd-nspawn "$@"
