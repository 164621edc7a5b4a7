#!/bin/sh
# May this server restart now?
set -eu
exec /usr/local/lib/gardenos/k3s-node can-restart
