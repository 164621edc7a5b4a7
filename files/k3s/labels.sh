# Makes the Kubernetes node's labels those of $LABELS.
export LABELS
exec /usr/local/lib/gardenos/k3s-node labels
