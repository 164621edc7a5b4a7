#!/bin/sh
# Gives a machine what a server with a kernel of its own has, and what kubelet and container runtimes insist on.
# Runs in the machine at every boot. It changes this machine's mounts only, never a value of the host's kernel, and may
# run again at any time.
# Usage: host-compat.sh
set -eu

# systemd-nspawn mounts version 1 controllers read-only. The machine sees no groups but its own in them.
for controller in /sys/fs/cgroup/*; do
  [ "$(stat --file-system --format=%T "$controller")" = cgroupfs ] || continue
  mountpoint --quiet "$controller" || continue
  mount -o remount,bind,rw "$controller"
done

# Settings that the host's kernel has for all machines together. Each machine gets a file in the setting's place, which
# holds what was written to it and has no effect.
pretend() {
  file=/run/lab/sysctl/$1
  mountpoint --quiet "/proc/sys/$1" && return
  mkdir -p "$(dirname "$file")"
  echo "$2" >"$file"
  mount --bind "$file" "/proc/sys/$1"
}

pretend vm/overcommit_memory 1
pretend vm/panic_on_oom 0
pretend kernel/panic 10
pretend kernel/panic_on_oops 1
pretend kernel/keys/root_maxkeys 1000000
pretend kernel/keys/root_maxbytes 25000000
