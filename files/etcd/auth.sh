# The password of the user patroni arrives on stdin.
set -eu
exec /usr/local/lib/gardenos/etcd-member auth
