set -eu
exec /usr/local/lib/gardenos/etcd-member join
