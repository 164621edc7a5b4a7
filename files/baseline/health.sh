#!/bin/sh
# sshd runs with the final host key only: the one-time key from cloud-init has done its work and goes.
set -eu
sshd -t
systemctl -q is-active ssh
rm -f /etc/ssh/ssh_host_ecdsa_key /etc/ssh/ssh_host_ecdsa_key.pub
