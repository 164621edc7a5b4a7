#!/usr/bin/env bash
# A three-member Postgres on Kubernetes that exists in $WORLD/state.json: stands for curl, k3s and etcdctl, by its
# name. Members that were restarted or replaced need some looks until they are back.
# shellcheck disable=SC2016 # what looks like variables is jq's
set -euo pipefail

state=$WORLD/state.json
read_state() { jq -r "$@" "$state"; }
change() {
  jq "$@" "$state" >"$state.new"
  mv "$state.new" "$state"
}
# Every look at who is down brings them nearer.
time_passes() { change '.members |= map_values(if .down > 0 then .down -= 1 else . end)'; }
note() {
  printf '%s\n' "$1" >>"$WORLD/actions"
  [[ $(read_state '[.members[] | select(.down > 0)] | length') == 0 ]] || printf 'while another is down!\n' >>"$WORLD/actions"
}

curl() {
  local method=GET url="" body="" argument previous=""
  for argument in "$@"; do
    [[ $previous != -X ]] || method=$argument
    [[ $argument != https://* ]] || url=$argument
    [[ $previous != --data-binary ]] || body=$(cat)
    previous=$argument
  done
  [[ $url =~ :3058([0-9])/(.*)$ ]] || exit 3
  local name=postgres-${BASH_REMATCH[1]} path=${BASH_REMATCH[2]}
  [[ ! -e $WORLD/cut-$name ]] || exit 7
  case "$method $path" in
  "GET cluster")
    time_passes
    read_state '{members: [.members | to_entries[] | select(.value.sysid) | {
      name: .key, role: .value.role, timeline: .value.timeline, lag: 0,
      state: (if .value.down > 0 then "starting" elif .value.state then .value.state elif .value.role == "leader" then "running" else "streaming" end)}]}'
    ;;
  "GET config") read_state .config ;;
  "GET patroni")
    read_state --arg n "$name" '.members[$n] | {state: (.state // "running"), server_version: 170006, postmaster_start_time: "at \(.started)"}
      + (if .sysid then {database_system_identifier: .sysid} else {} end)
      + (if .pending then {pending_restart: true, pending_restart_reason: .pending} else {} end)'
    ;;
  "PATCH config")
    note "PATCH"
    change --argjson sent "$body" '.config.postgresql.parameters.max_connections as $old
      | .config *= $sent | .config.postgresql.parameters.max_connections as $new
      | if $old != $new then .members |= map_values(.pending = {max_connections: {old_value: "\($old)", new_value: "\($new)"}}) else . end'
    printf '{}\n200'
    ;;
  "POST restart")
    note "restart $name"
    change --arg n "$name" '.members[$n] |= (.pending = (if (.slow // 0) > 0 then .pending else null end) | .slow = ((.slow // 0) - 1) | .down = 2 | .started += 1)'
    printf 'restarted successfully\n200'
    ;;
  "POST switchover")
    note "switchover to $(jq -r .candidate <<<"$body")"
    change --argjson b "$body" '.members[$b.candidate].role = "leader" | .members[$b.leader].role = "sync_standby"
      | .members |= map_values(.timeline += 1)'
    printf 'Successfully switched over\n200'
    ;;
  "POST reinitialize")
    note "reinit $name"
    change --arg n "$name" '.members[$n] |= (.down = 2 | .started += 1)'
    printf 'reinitialize started\n200'
    ;;
  *) exit 22 ;;
  esac
}

k3s() {
  # kubectl --kubeconfig F --namespace N VERB …
  shift 5
  case "$1 $2" in
  "get statefulset") read_state '{metadata: {generation: 1}, status: {observedGeneration: 1, updateRevision: .revision}}' ;;
  "get pod")
    time_passes
    read_state --arg n "$3" '.members[$n] | {metadata: {uid: "\($n)-\(.started)", labels: {"controller-revision-hash": .hash}},
      status: {conditions: [{type: "Ready", status: (if .down > 0 then "False" else "True" end)}],
        containerStatuses: [{name: "postgres", state: (if .dead then {waiting: {}} else {running: {}} end)}]}}'
    ;;
  "get configmap") read_state 'if .bootstrap then "configmap/postgres-bootstrap" else empty end' ;;
  "get namespace") echo "$3" ;;
  "delete pod")
    shift 2
    local names=()
    while [[ ${1:-} == postgres-* ]]; do
      names+=("$1")
      shift
    done
    note "delete ${names[*]}"
    for name in "${names[@]}"; do change --arg n "$name" '.revision as $r | .members[$n] |= (.hash = $r | .pending = null | .dead = false | .state = null | .down = 4 | .started += 1)'; done
    ;;
  "delete configmap") change 'del(.bootstrap)' ;;
  apply*) change --argjson map "$(cat)" '.bootstrap = $map.data["bootstrap.yml"]' ;;
  logs*) echo "the last words" ;;
  "exec -i")
    printf '%s: %s\n' "$3" "$(cat)" >>"$WORLD/sql"
    exit "$(read_state '.sqlStatus | .[0] // 0'; change '.sqlStatus |= .[1:]')"
    ;;
  *) exit 9 ;;
  esac
}

etcdctl() {
  [[ $(read_state .etcd) != null ]] || exit 1
  case "$3 $4" in
  "get --print-value-only") read_state --arg key "${5##*/}" '.etcd[$key] // empty' ;;
  "get --keys-only") read_state --arg key "$5" 'if .etcd | has($key | split("/")[-1]) then $key else empty end' ;;
  # Whoever is free to make the cluster makes it.
  "del /"*) change '.etcd = {} | .members["postgres-1"] |= (.role = "leader" | .sysid = "8" | .state = null)
    | .members["postgres-0"].role = "sync_standby" | .members |= map_values(.sysid = "8" | .state = null)' && note "forget the claim" ;;
  "del --prefix") change '.etcd = {}' && note "forget" ;;
  *) exit 9 ;;
  esac
}

"${0##*/}" "$@"
