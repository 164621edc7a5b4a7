#!/bin/sh
# Does this server serve?
set -eu
exec /usr/local/lib/gardenos/k3s-node healthy
