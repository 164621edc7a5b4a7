# SQL arrives on stdin. $SQL tells that it changed, $ALLOW_NEW_CLUSTER that the cluster may be a new one.
exec /usr/local/lib/gardenos/postgres-node sql
