#!/usr/bin/env bash
# What postgres-node asks Patroni, Kubernetes and etcd, and how it tells. Sourced; changes nothing by itself.

pki=/etc/gardenos/postgres
# Says where Kubernetes' client is; its path has the version.
# shellcheck source=/dev/null
[[ ! -e /etc/gardenos/k3s.env ]] || . /etc/gardenos/k3s.env
# shellcheck source=/dev/null
. "$pki/node.env"

# NodePort of the first instance's REST API; the others follow.
rest_port=30580
names=()
for pair in $INSTANCES; do names+=("${pair%%=*}"); done

say() { printf 'Postgres: %s\n' "$1" >&2; }

fail() {
  printf 'Postgres, asked from %s: %s\n' "$NODE_NAME" "$1" >&2
  exit 1
}

# Why the last look found something wrong.
reason=
# wait_for SECONDS COMMAND…: repeats it until it succeeds, and tells every ten seconds what is still missing.
wait_for() {
  local deadline=$((SECONDS + $1)) next=$((SECONDS + 10))
  shift
  until "$@"; do
    ((SECONDS < deadline)) || return 1
    if ((SECONDS >= next)); then
      say "waiting: ${reason:-nothing answers}"
      next=$((SECONDS + 10))
    fi
    sleep 1
  done
}

# --- Patroni and Kubernetes -----------------------------------------------------------------------------------

kube() { "$K3S" kubectl --kubeconfig /etc/rancher/k3s/k3s.yaml --namespace "$NAMESPACE" "$@"; }

etcd() (
  set -a
  # shellcheck source=/dev/null
  . /etc/etcd/ctl.env
  etcdctl --dial-timeout=2s --command-timeout=5s "$@"
)

known() {
  local name
  for name in "${names[@]}"; do [[ $name != "$1" ]] || return 0; done
  fail "there is no instance ${1:-''}; instances are ${names[*]}"
}

url() {
  local pair
  for pair in $INSTANCES; do
    [[ ${pair%%=*} != "$1" ]] || printf 'https://%s:%s' "${pair#*=}" "$((rest_port + ${1##*-}))"
  done
}

# get INSTANCE PATH
get() { curl -fsS --max-time 3 --cacert "$pki/ca.crt" "$(url "$1")/$2" 2>/dev/null; }

# The first member that answers speaks for the cluster.
ask() {
  local name
  for name in "${names[@]}"; do get "$name" "$1" && return 0; done
  return 1
}

# send METHOD INSTANCE PATH BODY: the answer's text on stdout; fails unless it is a success.
send() {
  local answer
  answer=$(curl -sS --max-time 180 --cacert "$pki/ca.crt" --cert "$pki/client.crt" --key "$pki/client.key" \
    -X "$1" -H 'Content-Type: application/json' --data-binary @- -w '\n%{http_code}' "$(url "$2")/$3" <<<"$4" 2>&1) ||
    { printf '%s' "${answer%$'\n'*}"; return 1; }
  printf '%s' "${answer%$'\n'*}"
  [[ ${answer##*$'\n'} == 20? ]]
}

leader() { ask cluster | jq -r 'first(.members[] | select(.role == "leader" and .state == "running") | .name) // empty'; }

has_leader() {
  reason="there is no leader yet"
  [[ -n $(leader) ]]
}

must_lead() { leader | grep . || fail "there is no leader; \`postgres-node status\` shows the members"; }

has_data() { get "$1" patroni | jq -e '.database_system_identifier != null' >/dev/null; }

# well [INSTANCES…]: succeeds when these are; without any, when the whole cluster is. Otherwise $reason says what is not.
well() {
  local view config
  reason="no member answers"
  view=$(ask cluster) && config=$(ask config) || return 1
  reason=$(jq -r --arg names "${names[*]}" --arg only "$*" --argjson config "$config" '
    ($names | split(" ")) as $names | .members as $members
    | first(($members[] | select(.role == "leader")), null) as $leader
    | [ if $leader == null then "there is no leader" else empty end,
        (($only | split(" "))[] // $names[] | . as $name | first(($members[] | select(.name == $name)), {}) |
          if .name == null then "\($name) is no member"
          elif .state != (if .role == "leader" then "running" else "streaming" end) then "\($name) is \(.state)"
          elif .timeline != $leader.timeline then "\($name) is on timeline \(.timeline), the leader on \($leader.timeline)"
          else empty end),
        if $only != "" then empty else
          (if ($names | length) > 1 and ($config.synchronous_mode | IN(null, false, "off") | not)
              and all($members[]; .role | test("^(sync|quorum)_standby$") | not)
           then "no standby is synchronous" else empty end),
          (if .pause then "Patroni is paused (\"patronictl resume\" ends that)" else empty end)
        end
      ] | join(", ")' <<<"$view")
  [[ -z $reason ]]
}

# --- who could lead -------------------------------------------------------------------------------------------

# Replicas, those that commits wait for last.
replicas() { ask cluster | jq -r '.members | sort_by(.role != "replica")[] | select(.role != "leader") | .name'; }

sync_standbys() { ask cluster | jq -r '.members[] | select(.role | test("^(sync|quorum)_standby$")) | .name'; }

# The standby that takes over best: synchronous, or the one that lags least.
candidate() {
  ask cluster | jq -r '[.members[] | select(.role != "leader" and .state == "streaming")]
    | sort_by(.role == "replica", (.lag | if type == "number" then . else infinite end)) | .[0].name // empty'
}

# --- what status shows ------------------------------------------------------------------------------------------

status() {
  local view version config nodes
  view=$(ask cluster) || fail "no member answers"
  version=$(ask patroni | jq '.server_version // empty') || version=
  config=$(ask config) || config={}
  # Names of nodes by their address: Kubernetes may not answer just now.
  # shellcheck source=/dev/null
  nodes=$(. /etc/gardenos/k3s.env && printf '%s' "$SERVERS") || nodes=
  jq -c --arg instances "$INSTANCES" --arg nodes "$nodes" --argjson version "${version:-null}" --argjson config "$config" '
    def pairs: split(" ") | map(select(. != "") | split("=") | {key: .[0], value: .[1]});
    ($nodes | pairs | map({key: .value, value: .key}) | from_entries) as $node
    | .members as $members
    | {
        version: (if $version then "\($version / 10000 | floor).\($version % 10000)" else "" end),
        synchronous: ($config.synchronous_mode | IN(null, false, "off") | not),
        paused: (.pause // false),
        members: [$instances | pairs[] | . as $instance
          # Patroni forgets a member that is gone for longer than its ttl.
          | first(($members[] | select(.name == $instance.key)), {role: "replica", state: "absent"}) | {
            name: $instance.key,
            node: ($node[$instance.value] // $instance.value),
            role: (if .role == "quorum_standby" then "sync_standby" elif .role == "standby_leader" then "leader" else .role end),
            state,
            timeline: (.timeline // 0),
            lagBytes: (if .role == "leader" then 0 elif (.lag | type) == "number" then .lag else null end)
          }]
      }' <<<"$view"
}
