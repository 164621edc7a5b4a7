#!/bin/sh
# The staged sshd snippet must parse, or nobody gets in any more.
set -eu
sshd -t -f "$STAGED/etc/ssh/sshd_config.d/10-gardenos.conf"
