#!/usr/bin/env bash
# Refuses what would break a living cluster, before anything of K3s is touched on any node: another token, other
# authorities, other networks, a Kubernetes minor that goes back or skips one.
set -euo pipefail

tls=/var/lib/rancher/k3s/server/tls
unit=/etc/systemd/system/k3s.service
config=/etc/rancher/k3s/config.yaml

refuse() {
  printf 'K3s on %s: %s\n' "$(hostname)" "$1" >&2
  exit 1
}

# K3s has never run here: everything is welcome.
[[ -e $unit && -e $config ]] || exit 0

cmp -s "$STAGED/etc/rancher/k3s/token" /etc/rancher/k3s/token || refuse "the token of a living cluster can't change.
  want  the token that the cluster was made with
  fix   restore the stack's state that holds it; to rotate it, see docs/runbooks/certificates.md"

for role in server client request-header; do
  cmp -s "$STAGED$tls/$role-ca.crt" "$tls/$role-ca.crt" || refuse "the $role authority of a living cluster can't change.
  want  the authority in $tls/$role-ca.crt
  fix   restore the stack's state that holds it; to rotate it, see docs/runbooks/certificates.md"
done

setting() { sed -n "s/^$2: *//p" "$1"; }
for name in cluster-cidr service-cidr; do
  was=$(setting "$config" "$name")
  want=$(setting "$STAGED/usr/local/share/gardenos/k3s/config.yaml" "$name")
  [[ $was == "$want" ]] || refuse "$name of a living cluster can't change.
  got   $want
  want  $was
  fix   set gardenos:network back"
done

minor() { cut -d. -f2 <<<"$1"; }
version() { sed -n 's|^ExecStart=/opt/k3s-\(.*\)/k3s server$|\1|p' "$1"; }
was=$(version "$unit")
want=$(version "$STAGED/usr/local/share/gardenos/k3s/k3s.service")
step=$(($(minor "$want") - $(minor "$was")))
((step >= 0 && step <= 1)) || refuse "Kubernetes goes up one minor version at a time, and never back.
  got   $want, and $was runs
  fix   go through a release of each minor version in between"
