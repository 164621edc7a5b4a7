# $MODE is bootstrap on the first run of a stack and guard ever after.
set -eu
export ALLOW_NEW_CLUSTER SERVER_IDS
exec /usr/local/lib/gardenos/etcd-member "$MODE"
