# $MODE is `first` on the first run of a stack and `later` ever after: a cluster that was lost is not replaced by an empty one
# unless its data was given up.
set -eu
export ALLOW_NEW_CLUSTER SERVER_IDS
if [ "$MODE" = first ] || [ -n "$ALLOW_NEW_CLUSTER" ]; then
  exec /usr/local/lib/gardenos/postgres-node allow-bootstrap
fi
