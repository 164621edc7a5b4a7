#!/usr/bin/env bash
# Refuses what would break a living cluster, before any member is touched: another scope, members that are taken away, and
# members that change their places.
set -euo pipefail

env=/etc/gardenos/postgres/node.env

refuse() {
  printf 'Postgres on %s: %s\n' "$(hostname)" "$1" >&2
  exit 1
}

# Postgres has never run here: everything is welcome.
[[ -e $env ]] || exit 0

# NAME='…' without its quotes.
setting() { sed -n "s/^$2=//p" "$1" | tr -d "'"; }

was=$(setting "$env" SCOPE)
want=$(setting "$STAGED$env" SCOPE)
[[ $was == "$want" ]] || refuse "the scope of a living cluster can't change: members of two scopes would each have a primary.
  got   $want
  want  $was
  fix   set gardenos:postgres.scope to $was"

was=$(setting "$env" INSTANCES)
want=$(setting "$STAGED$env" INSTANCES)
[[ "$want " == "$was "* ]] || refuse "members of a living cluster are not taken away, and stay on their nodes: each has its data there.
  got   $want
  want  $was, and more
  fix   set gardenos:postgres.instances and gardenos:nodes back; new servers want names that sort after the present ones"
