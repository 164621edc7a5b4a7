#!/bin/sh
set -eu
nft -c -f "$STAGED/etc/gardenos/firewall.nft"
