#!/bin/sh
export KUBECONFIG="${KUBECONFIG:-/etc/rancher/k3s/k3s.yaml}"
exec /opt/k3s-v1.36.5+k3s1/k3s kubectl "$@"
