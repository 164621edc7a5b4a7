# Starts K3s on a node that never ran it; on others it only waits until the server serves.
exec /usr/local/lib/gardenos/k3s-node start
