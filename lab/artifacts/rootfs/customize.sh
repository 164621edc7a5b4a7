#!/bin/sh
# Makes a freshly unpacked Debian tree into the image of the lab's machines.
# Usage: customize.sh ROOT   (a hook of mmdebstrap; nothing of the tree runs as a service here)
set -eu
root=$1
files=$(dirname "$0")/files

# Identity is made by each machine at its first boot. An empty machine-id, unlike none, is no "first boot" to
# systemd: no presets are applied, and sshd-keygen leaves the host keys to cloud-init.
rm -f "$root"/etc/ssh/ssh_host_* "$root/etc/hostname" "$root/var/lib/systemd/random-seed"
: >"$root/etc/machine-id"

# What mmdebstrap took from the building host or left for it.
rm -f "$root"/etc/apt/sources.list.d/* "$root/etc/apt/apt.conf.d/99mmdebstrap"
for empty in etc/resolv.conf etc/apt/sources.list; do
  rm -f "$root/$empty"
  install -m 0644 /dev/null "$root/$empty"
done

install -D -m 0644 "$files/cloud.cfg" "$root/etc/cloud/cloud.cfg.d/90_lab.cfg"

# All machines share one disk: packages need not wait for it file by file.
echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/90lab"

# Periodic jobs would disturb measurements. Disabled, not masked: the program may turn them on as on Hetzner.
for timer in "$root"/etc/systemd/system/timers.target.wants/*.timer; do
  [ -L "$timer" ] || continue
  chroot "$root" systemctl disable --quiet "$(basename "$timer")"
done
chroot "$root" systemctl mask --quiet systemd-tmpfiles-clean.timer

# A machine has neither screen nor keyboard, and its NICs may come minutes after boot.
chroot "$root" systemctl mask --quiet getty.target console-getty.service systemd-networkd-wait-online.service
