# Runs the cluster's DNS on as many nodes as $REPLICAS says.
export REPLICAS
exec /usr/local/lib/gardenos/k3s-node dns
