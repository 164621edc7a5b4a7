#!/bin/sh
# The rules must parse. And pods of a living cluster keep their network: rules for another one would cut them off
# from the API before K3s itself could refuse the change.
set -eu
rules=$STAGED/etc/gardenos/firewall.nft
nft -c -f "$rules"

config=/etc/rancher/k3s/config.yaml
[ -e "$config" ] || exit 0
was=$(sed -n 's/^cluster-cidr: *//p' "$config")
grep -qF "ip saddr $was " "$rules" && exit 0
echo "firewall on $(hostname): the pod network of a living cluster can't change.
  want  $was
  fix   set gardenos:network.podCidr back" >&2
exit 1
