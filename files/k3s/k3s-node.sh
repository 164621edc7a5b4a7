#!/usr/bin/env bash
# k3s-node COMMAND: everything the program does to this node's K3s server. Each command is safe to repeat.
#
#   prepare       before each start: wait for the private address, tell flannel which card has it
#   start         first start on this node: configuration and unit in place, wait until node and API are ready
#   can-restart   succeed when the other servers serve; drains this node first if its Kubernetes version changes
#   healthy       succeed when this server's API is ready and its node is; makes a node schedulable that was drained
#   labels        make the node's labels those of $LABELS ("a=b c=d"); labels of others are left alone
#   dns           run CoreDNS $REPLICAS times, each on a node of its own, and let pods ask the one on their own node
#   stop-pods     end all pods when the machine goes down: they live outside of K3s's unit
#   status        {"version","nodes":[{"name","ready","version"}],"workloads":[{"namespace","name","ready","wanted"}]} on stdout;
#                 workloads are the Deployments of applications and Supabase, in pods
#
# Reads /etc/gardenos/k3s.env: NODE_NAME, NODE_IP, SERVERS ("n1=10.0.1.11 …"), API_PORT, K3S, K3S_VERSION.
# Exit status: 0 done; 1 refused or failed, with the reason on stderr.
set -Eeuo pipefail

# shellcheck source=/dev/null
. /etc/gardenos/k3s.env

config=/etc/rancher/k3s
tls=/var/lib/rancher/k3s/server/tls
unit=/etc/systemd/system/k3s.service
staged=/usr/local/share/gardenos/k3s
# Marks a node that we drained, so that nobody else's cordon is lifted.
drained=gardenos/drained
# Names the labels that are ours.
managed=gardenos/node-labels

fail() {
  printf 'K3s on %s: %s\n' "$NODE_NAME" "$1" >&2
  exit 1
}

# Repeats a command until it succeeds or $1 seconds are over.
wait_for() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.5
  done
}

# --- asking the API -------------------------------------------------------------------------------------------

# raw ADDRESS PATH: what the API server of one node answers to the administrator. Every certificate holds the name `kubernetes`.
# With curl: questions come often, and kubectl takes half a second of a processor to start.
raw() {
  curl -fsS --max-time 5 --cacert "$tls/server-ca.crt" --cert "$tls/client-admin.crt" --key "$tls/client-admin.key" \
    --connect-to "kubernetes:$API_PORT:$1:$API_PORT" "https://kubernetes:$API_PORT$2" 2>/dev/null
}

api_ready() { raw "$1" /readyz >/dev/null; }

addresses_of_others() {
  local server
  for server in $SERVERS; do
    [[ ${server%%=*} == "$NODE_NAME" ]] || printf '%s\n' "${server#*=}"
  done
}

# The first server that answers speaks for the cluster; this one is asked first. One without etcd is none.
speaker() {
  local address
  for address in 127.0.0.1 $(addresses_of_others); do
    raw "$address" /livez >/dev/null || continue
    printf '%s\n' "$address"
    return
  done
  return 1
}

# node NAME FILTER: what jq makes of a node
node() {
  local address
  address=$(speaker) && raw "$address" "/api/v1/nodes/$1" | jq -r "$2"
}

# ask ARGUMENTS: kubectl at the server that speaks
ask() {
  local address
  address=$(speaker) || return 1
  "$K3S" kubectl --kubeconfig "$config/k3s.yaml" --server "https://$address:$API_PORT" \
    --tls-server-name kubernetes --request-timeout=5s "$@"
}

node_ready() { [[ $(node "$1" '.status.conditions[] | select(.type == "Ready").status') == True ]]; }

# --- starting -------------------------------------------------------------------------------------------------

# The card's name differs between server types and images, so it is looked up by its address.
prepare() {
  /usr/local/lib/gardenos/wait-address "$NODE_IP"
  local card
  card=$(ip -4 -o address show | awk -v ip="$NODE_IP" 'index($4, ip "/") == 1 { print $2; exit }')
  mkdir -p "$config/config.yaml.d"
  printf 'flannel-iface: %s\n' "$card" >"$config/config.yaml.d/.card.new"
  mv -f "$config/config.yaml.d/.card.new" "$config/config.yaml.d/card.yaml"
}

# The first start uses the files that the roll will manage later; it never overwrites them.
start() {
  local file
  for file in "$staged"/*.yaml; do
    [[ -e $config/${file##*/} ]] || install -m 0644 "$file" "$config/"
  done
  [[ -e $unit ]] || install -m 0644 "$staged/k3s.service" "$unit"
  systemctl daemon-reload
  systemctl -q enable k3s.service
  systemctl start --no-block k3s.service
  wait_for 300 serving || fail "does not become ready within 5 minutes: $(last_words)"
}

serving() { systemctl -q is-active k3s.service && api_ready 127.0.0.1 && node_ready "$NODE_NAME"; }

last_words() { journalctl -q -u k3s -p warning -n 3 -o cat --no-pager | cut -c 1-300 | tr '\n' ' '; }

# --- restart gate and health ----------------------------------------------------------------------------------

others_serve() {
  local server
  for server in $SERVERS; do
    [[ ${server%%=*} == "$NODE_NAME" ]] && continue
    api_ready "${server#*=}" && node_ready "${server%%=*}" || return 1
  done
}

installed_version() { sed -n 's|^ExecStart=/opt/k3s-\(.*\)/k3s server$|\1|p' "$unit" 2>/dev/null; }

can_restart() {
  wait_for 90 others_serve ||
    fail "the other servers do not all serve, so this one was left running. \`k3s-node status\` shows the nodes."
  [[ $(installed_version) == "$K3S_VERSION" ]] || drain
}

# Pods move before the kubelet that runs them changes. A disruption budget that allows nothing stops the roll here.
drain() {
  ask annotate node "$NODE_NAME" --overwrite "$drained=true" >/dev/null || fail "can't be marked as drained"
  local report
  report=$(ask --request-timeout=0 drain "$NODE_NAME" --ignore-daemonsets --delete-emptydir-data \
    --timeout=180s 2>&1) && return 0
  release
  fail "can't be drained, so it keeps its version: $(tail -n 2 <<<"$report" | tr '\n' ' ')"
}

release() {
  [[ $(node "$NODE_NAME" ".metadata.annotations[\"$drained\"]") == true ]] || return 0
  ask uncordon "$NODE_NAME" >/dev/null && ask annotate node "$NODE_NAME" "$drained-" >/dev/null
}

# The node's own condition may be of before the restart; the kubelet's answer and its version are not.
kubelet_serves() {
  curl -fs --max-time 2 http://127.0.0.1:10248/healthz >/dev/null &&
    [[ $(node "$NODE_NAME" .status.nodeInfo.kubeletVersion) == "$K3S_VERSION" ]]
}

healthy() {
  systemctl -q is-active k3s.service || { echo "K3s on $NODE_NAME: $(last_words)"; return 1; }
  api_ready 127.0.0.1 || { echo "K3s on $NODE_NAME: the API server is not ready"; return 1; }
  kubelet_serves || { echo "K3s on $NODE_NAME: the kubelet does not serve as $K3S_VERSION"; return 1; }
  node_ready "$NODE_NAME" || { echo "K3s on $NODE_NAME: the node is not ready"; return 1; }
  release
}

# --- labels ---------------------------------------------------------------------------------------------------

labels() {
  local before wanted=() gone=() key pair
  before=$(node "$NODE_NAME" ".metadata.annotations[\"$managed\"] // \"\"") ||
    fail "no API server answers, so the labels were left alone"
  read -ra wanted <<<"${LABELS:-}"
  for key in $before; do
    for pair in "${wanted[@]}"; do
      [[ ${pair%%=*} == "$key" ]] && continue 2
    done
    gone+=("$key-")
  done
  ((${#wanted[@]} + ${#gone[@]} == 0)) || ask label node "$NODE_NAME" --overwrite "${wanted[@]}" "${gone[@]}" >/dev/null
  ask annotate node "$NODE_NAME" --overwrite "$managed=${wanted[*]%%=*}" >/dev/null
}

# --- the cluster's DNS ----------------------------------------------------------------------------------------

has_dns() { ask -n kube-system get deployment coredns -o name >/dev/null 2>&1; }

# K3s brings one CoreDNS and leaves the number to us ("replicas" is not in its manifest, nor is "affinity"). On a lost node it would be
# missing for most of a minute, and of several each pod would ask lost ones, too, unless its own node's is preferred. So every node
# must have one: after a longer loss a second one would go to another node, and nothing would move it back.
dns() {
  wait_for 60 has_dns || fail "K3s has not brought CoreDNS: no API server answers, or its manifests were not applied"
  ask -n kube-system patch deployment coredns -p "$(jq -cn --argjson replicas "$REPLICAS" '{spec: {
    replicas: $replicas,
    template: {spec: {affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [
      {labelSelector: {matchLabels: {"k8s-app": "kube-dns"}}, topologyKey: "kubernetes.io/hostname"}
    ]}}}}}}')" >/dev/null
  ask -n kube-system patch service kube-dns -p '{"spec": {"trafficDistribution": "PreferSameNode"}}' >/dev/null
}

# --- the machine goes down ------------------------------------------------------------------------------------

pod_processes() {
  local root
  for root in /sys/fs/cgroup/pids/kubepods /sys/fs/cgroup/kubepods /sys/fs/cgroup/kubepods.slice; do
    [[ ! -d $root ]] || find "$root" -name cgroup.procs -exec cat {} + 2>/dev/null
  done
}

no_pods() { [[ -z $(pod_processes) ]]; }

signal_pods() { pod_processes | xargs -r kill "-$1" 2>/dev/null || true; }

stop_pods() {
  [[ $(systemctl is-system-running) == stopping ]] || return 0
  signal_pods TERM
  wait_for 20 no_pods || signal_pods KILL
}

# --- status ---------------------------------------------------------------------------------------------------

status() {
  local address version nodes deployments
  address=$(speaker) || fail "no API server answers"
  version=$(raw "$address" /version) || fail "no API server answers"
  nodes=$(raw "$address" /api/v1/nodes) || fail "no API server answers"
  deployments=$(raw "$address" '/apis/apps/v1/deployments?labelSelector=app.kubernetes.io/part-of%3Dgardenos') ||
    fail "no API server answers"
  jq -c --argjson version "$version" --slurpfile deployments <(printf '%s' "$deployments") '{
    version: $version.gitVersion,
    nodes: [.items[] | {
      name: .metadata.name,
      ready: any(.status.conditions[]; .type == "Ready" and .status == "True"),
      version: .status.nodeInfo.kubeletVersion
    }] | sort_by(.name),
    workloads: [$deployments[0].items[] | select(.metadata.namespace | IN("apps", "supabase")) | {
      namespace: .metadata.namespace,
      name: .metadata.name,
      ready: (.status.readyReplicas // 0),
      wanted: .spec.replicas
    }] | sort_by(.namespace, .name)
  }' <<<"$nodes"
}

case ${1:-} in
prepare | start | healthy | labels | dns | status) "$1" ;;
can-restart) can_restart ;;
stop-pods) stop_pods ;;
*)
  sed -n '2,/^set -/s/^# \{0,1\}//p' "$0" >&2
  exit 2
  ;;
esac
