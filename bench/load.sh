#!/usr/bin/env bash
# load.sh PORT CALLS ADDRESS…: calls the Kubernetes API as this node's administrator, with one client per address, each
# over one connection that it keeps. Prints one time per call in seconds, then `wall SECONDS`.
set -Eeuo pipefail

port=$1 calls=$2
shift 2
kubeconfig=/etc/rancher/k3s/k3s.yaml
# A name that every API server's certificate has.
name=kubernetes

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

field() { sed -n "s/^ *$1: *//p" "$kubeconfig" | head -n 1 | base64 -d; }

field certificate-authority-data >"$scratch/ca"
field client-certificate-data >"$scratch/cert"
field client-key-data >"$scratch/key"

# One client is one curl; its calls follow each other.
client() {
  curl -fsS -o /dev/null -w '%{time_total}\n' --cacert "$scratch/ca" --cert "$scratch/cert" --key "$scratch/key" \
    --resolve "$name:$port:$1" "https://$name:$port/version?[1-$calls]"
}

clients=()
began=$EPOCHREALTIME
for address in "$@"; do
  client "$address" >"$scratch/times.${#clients[@]}" &
  clients+=("$!")
done
for pid in "${clients[@]}"; do
  wait "$pid"
done
ended=$EPOCHREALTIME
cat "$scratch"/times.*
awk -v began="$began" -v ended="$ended" 'BEGIN { printf "wall %.6f\n", ended - began }'
