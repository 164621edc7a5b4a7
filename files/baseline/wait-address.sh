#!/bin/sh
# wait-address IP [SECONDS]: waits until this node has the address. Hetzner attaches the private network card after
# the first boot has begun, so everything that binds to its address waits for it.
set -eu
deadline=$(($(date +%s) + ${2:-120}))
until ip -4 -o address show | grep -qF " $1/"; do
  if [ "$(date +%s)" -ge "$deadline" ]; then
    echo "wait-address: this node has no address $1; is it attached to the private network?" >&2
    exit 1
  fi
  sleep 0.2
done
