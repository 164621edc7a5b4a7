#!/bin/sh
# HAProxy's own check of the staged configuration. It names certificates by their final paths; the copy that is
# checked names the staged ones.
set -eu
sed "s#/etc/haproxy/#$STAGED&#g" "$STAGED/etc/haproxy/haproxy.cfg" >"$STAGED/haproxy.check.cfg"
haproxy -c -f "$STAGED/haproxy.check.cfg" >/dev/null

# Postgres' own check refuses to take a member away. HAProxy of the nodes comes before it, and must not have left one out by then.
env=/etc/gardenos/postgres/node.env
[ -e "$env" ] || exit 0
# shellcheck source=/dev/null
. "$env"
for pair in $INSTANCES; do
  name=${pair%%=*}
  grep -q " ${pair#*=}:$((30540 + ${name##*-})) " "$STAGED/etc/haproxy/haproxy.cfg" && continue
  printf 'HAProxy on %s: %s is a member of the living Postgres cluster and would be left out.\n' "$(hostname)" "$name" >&2
  printf '  want  %s\n  fix   set gardenos:postgres.instances and gardenos:nodes back\n' "$INSTANCES" >&2
  exit 1
done
