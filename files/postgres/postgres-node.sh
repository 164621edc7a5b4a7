#!/usr/bin/env bash
# postgres-node COMMAND: everything that is done to the Postgres cluster from a node. Each command is safe to repeat.
#
#   allow-bootstrap        let the members make a new cluster ($ALLOW_NEW_CLUSTER = $SERVER_IDS gives up a lost one);
#                          Patroni's bootstrap section on stdin. Nothing where there is a cluster
#   converge               wait for a leader, write the settings (JSON on stdin) to Patroni, replace or restart members
#                          that need it: replicas, one switchover, the old leader
#   sql                    run the SQL on stdin as superuser on the leader
#   psql [ARGUMENTS]       psql as superuser on the leader, on this terminal
#   status                 {"version","synchronous","paused","members":[{"name","node","role","state","timeline","lagBytes"}]} on stdout
#   show WHAT              Patroni's own JSON: cluster, config, history or patroni
#   switchover [INSTANCE]  make a synchronous standby the leader
#   restart INSTANCE       restart Postgres
#   reinit INSTANCE        throw a replica's data away and copy the leader's
#   pooler                 succeed when PgBouncer answers, and with TLS
#   apart                  hand etcd's leadership away if this node's member is the primary
#
# Reads /etc/gardenos/postgres/node.env: NODE_NAME, NAMESPACE, SCOPE, INSTANCES ("postgres-0=10.0.1.11 …"); and K3S, NODE_IP and
# SERVERS of /etc/gardenos/k3s.env. allow-bootstrap and converge have $SERVER_IDS in their environment, the word that gives a lost
# cluster up: not in node.env, because one rebuilt server would change that on every node.
# Exit status: 0 done; 1 refused or failed, with the reason on stderr.
set -Eeuo pipefail

# Set by what follows: the instances, and why the last look found something wrong.
names=() reason=
# shellcheck source=/dev/null
. "${0%/*}/postgres-common.sh"
# shellcheck source=/dev/null
. "${0%/*}/postgres-roll.sh"

# --- a new cluster --------------------------------------------------------------------------------------------

bootstrap_map=postgres-bootstrap

given_up() { [[ -n ${ALLOW_NEW_CLUSTER:-} && $ALLOW_NEW_CLUSTER == "$SERVER_IDS" ]]; }

allow_bootstrap() {
  local key=/service/$SCOPE made lead name
  made=$(etcd get --print-value-only "$key/initialize") || unknown
  lead=$(etcd get --print-value-only "$key/leader") || unknown
  [[ -z $lead ]] || return 0
  for name in "${names[@]}"; do
    has_data "$name" || continue
    ! given_up || fail "$name has data of the old cluster. Move it away before a new one is made (docs/runbooks/postgres-restore.md)."
    return 0
  done
  if [[ -n $made ]]; then
    given_up || return 0
    wait_for 120 all_empty || fail "$reason, and may have data of the old cluster. Nothing was given up."
    say "the lost cluster was given up: forgetting what etcd knows of it"
    etcd del --prefix "$key/" >/dev/null
  fi
  jq -Rs --arg name "$bootstrap_map" \
    '{apiVersion: "v1", kind: "ConfigMap", metadata: {name: $name}, data: {"bootstrap.yml": .}}' |
    kube apply --server-side --force-conflicts --field-manager=gardenos -f - >/dev/null
  # Members that wait have read their configuration already.
  ! given_up || kube delete pod "${names[@]}" --ignore-not-found --wait=false >/dev/null
}

# Succeeds when every member answers and has no data.
all_empty() {
  local name
  for name in "${names[@]}"; do
    reason="$name does not answer"
    get "$name" patroni | jq -e '.database_system_identifier == null' >/dev/null || return 1
  done
}

may_bootstrap() { [[ -n $(kube get configmap "$bootstrap_map" --ignore-not-found -o name) ]]; }

# One member makes the cluster, and claims that before it begins. One that was killed meanwhile leaves an empty claim, for which
# the others would wait for ever.
free_claim() {
  local claim=/service/$SCOPE/initialize name
  [[ $(etcd get --keys-only "$claim") == "$claim" && -z $(etcd get --print-value-only "$claim") ]] || return 0
  for name in "${names[@]}"; do
    get "$name" patroni | jq -e '.state == "stopped"' >/dev/null || return 0
  done
  say "the member that was to make the cluster ended before it was made: another one may"
  etcd del "$claim" >/dev/null
}

# Succeeds when there is a leader, and when there never will be one.
decided() {
  ! has_leader || return 0
  kube get namespace "$NAMESPACE" >/dev/null 2>&1 || { reason="the API server does not answer"; return 1; }
  if may_bootstrap; then
    free_claim
    return 1
  fi
  all_empty
}

unknown() { fail "etcd does not answer, so nobody can tell whether there is a cluster. Nothing was created."; }

no_leader() {
  local name answers=0
  for name in "${names[@]}"; do
    ! has_data "$name" || fail "no leader within 5 minutes, though $name has data: $(last_words "$name")"
    ! get "$name" patroni >/dev/null || answers=$((answers + 1))
  done
  ((answers > 0)) || fail "no member answers; see \`k3s kubectl -n $NAMESPACE get pods\` and the logs of ${names[0]}"
  ! may_bootstrap ||
    fail "the new cluster does not come up: $(last_words "${names[0]}")"
  fail "all members are empty, and this stack had a cluster. Nothing was created.
  If servers or volumes are only cut off, bring them back and run \`pulumi up\` again.
  If the data is lost, restore a backup (docs/runbooks/postgres-restore.md), or give the data up for good:
  pulumi config set --path 'gardenos:postgres.allowNewCluster' '$SERVER_IDS'"
}

last_words() { kube logs "$1" -c postgres --tail=3 2>&1 | cut -c 1-300 | tr '\n' ' '; }

# --- settings -------------------------------------------------------------------------------------------------

# Null removes a key, lists are replaced whole, everything else that is there stays.
holds() {
  get "$1" config | jq -e --argjson sent "$settings" '
    def patched($by): if ($by | type) != "object" then $by else
      reduce ($by | to_entries[]) as $e (if type == "object" then . else {} end;
        if $e.value == null then del(.[$e.key]) else .[$e.key] |= patched($e.value) end) end;
    patched($sent) == .' >/dev/null
}

# A member shows the settings of its last round; what they mean for it, it knows a moment later.
everywhere() {
  local name
  for name in "${names[@]}"; do
    reason="$name has not read the settings"
    ! get "$name" patroni >/dev/null || holds "$name" || return 1
  done
}

write_settings() {
  local lead answer
  ! everywhere || { say "settings are as wanted"; return 0; }
  say "writing settings"
  lead=$(must_lead)
  answer=$(send PATCH "$lead" config "$settings") || fail "Patroni refuses the settings: $answer"
  wait_for 60 everywhere || fail "after a minute, $reason"
  sleep 3
}

converge() {
  local settings wanted
  settings=$(jq -ec 'objects') || fail "the settings on stdin are no JSON object"
  wait_for 60 revision >/dev/null || fail "there is no StatefulSet postgres, or its controller does not work"
  # shellcheck disable=SC2034 # postgres-roll.sh compares with it
  wanted=$(revision)
  revive
  wait_for 300 decided || no_leader
  has_leader || no_leader
  kube delete configmap "$bootstrap_map" --ignore-not-found >/dev/null
  write_settings
  roll
}

# --- commands of on-call --------------------------------------------------------------------------------------

# switch_to INSTANCE: a planned hand-over, done when the old leader follows.
switch_to() {
  local old new answer try
  old=$(must_lead)
  [[ -n $1 ]] || fail "no standby can take over; \`postgres-node status\` shows the members"
  say "switchover from $old to $1"
  # Right after a failure etcd may have no leader yet, or Patroni's picture of the standbys is a round old.
  for try in 1 2 3 4 5; do
    answer=$(send POST "$old" switchover "{\"leader\": \"$old\", \"candidate\": \"$1\"}") && break
    [[ $(leader) == "$old" ]] || break
    ((try < 5)) || fail "no switchover: $answer"
    say "refused, once more: $answer"
    sleep 3
  done
  wait_for 60 has_leader || fail "after the switchover, $reason"
  new=$(must_lead)
  wait_for 120 well "$old" "$new" || fail "after the switchover, $reason"
}

switchover() {
  local target=${1:-} lead standbys
  lead=$(must_lead)
  (($# == 0)) || known "$target"
  [[ $target != "$lead" ]] || { say "$target is the leader already"; return 0; }
  standbys=$(sync_standbys)
  if [[ -n $target && -n $standbys ]] && ! grep -qxF "$target" <<<"$standbys"; then
    fail "$target is no synchronous standby, so it may lack commits. Candidates: ${standbys//$'\n'/ }"
  fi
  switch_to "${target:-$(candidate)}"
  lead=$(must_lead)
  [[ -z $target || $lead == "$target" ]] || fail "$lead became the leader instead of $target"
  say "$lead leads"
}

restart() {
  restart_member "$1"
  wait_for 120 well "$1" || fail "after the restart, $reason"
}

began() { get "$1" patroni | jq -r '.postmaster_start_time // empty'; }

copied() {
  local now state
  now=$(began "$1")
  if [[ -z $now || $now == "$2" ]]; then
    state=$(get "$1" patroni | jq -r .state) || true
    reason="$1 copies the leader's data"
    [[ $state == "creating replica" ]] || reason="$1 is ${state:-not there}: $(last_words "$1")"
    return 1
  fi
  well "$1"
}

reinit() {
  local lead answer before
  lead=$(must_lead)
  [[ $1 != "$lead" ]] || fail "$1 is the leader: its data is the cluster's. Make another one the leader first (switchover)."
  before=$(began "$1") || true
  say "$1: its data is replaced by a copy of the leader's"
  answer=$(send POST "$1" reinitialize '{"force": true}') || fail "$1 can't be copied anew: $answer"
  wait_for 86400 copied "$1" "$before" || fail "not done after a day: $reason"
}

# A database's owner chooses its defaults, and with them whose functions a superuser's session would call. What the client asks for
# itself counts more. It is no help against views and triggers: those run as who uses them.
own_session="-c search_path=pg_catalog -c role=none -c session_authorization=supabase_admin -c default_transaction_read_only=off"

# psql tells by 3 that the SQL is wrong; anything else may be a leader that went away under it.
sql() {
  local text try lead status=0
  text=$(cat)
  for try in 1 2; do
    wait_for 60 has_leader || fail "there is no leader to run SQL on; \`postgres-node status\` shows the members"
    lead=$(leader)
    # Terse, because psql would show the line that is wrong, and lines hold passwords' hashes.
    printf '%s\n' "$text" | kube exec -i "$lead" -c postgres -- env PGOPTIONS="$own_session" \
      psql -X -q -v ON_ERROR_STOP=1 -v VERBOSITY=terse -U supabase_admin -d postgres -f - && return 0 || status=$?
    ((try < 2)) || break
    sleep 2
    ((status != 3)) || [[ $(leader) != "$lead" ]] || break
    say "SQL on $lead failed; once more"
  done
  fail "the SQL failed on $lead (status $status); the reason is above"
}

psql() {
  local lead terminal=-i
  lead=$(must_lead)
  [[ ! -t 0 ]] || terminal=-it
  kube exec "$terminal" "$lead" -c postgres -- env PGOPTIONS="$own_session" psql -U supabase_admin -d postgres "$@"
}

# A port-forward comes in by the kubelet, so no policy has to let the nodes in.
pooler() {
  local port=16432 answer forward
  # Not by `kube`: that would be a shell around it, and only the shell would be ended.
  "$K3S" kubectl --kubeconfig /etc/rancher/k3s/k3s.yaml --namespace "$NAMESPACE" \
    port-forward service/pgbouncer "$port:6432" >/dev/null 2>&1 &
  forward=$!
  # shellcheck disable=SC2064 # this process, now
  trap "kill $forward" EXIT
  # shellcheck disable=SC2016 # expanded by the inner shell
  wait_for 10 timeout 2 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0"' "$port" 2>/dev/null || fail "PgBouncer can't be reached"
  # Postgres' request for TLS; the answer is S or N.
  exec 3<>"/dev/tcp/127.0.0.1/$port"
  printf '\0\0\0\10\4\322\26\57' >&3
  IFS= read -r -t 5 -n 1 answer <&3 || fail "PgBouncer does not answer"
  [[ $answer == S ]] || fail "PgBouncer answers without TLS"
}

# Lost together they cost a failover four to nine seconds more: a new leader of etcd lets every lock live on from then.
apart() {
  local name
  for name in "${names[@]}"; do
    [[ "$(url "$name")" == "https://$NODE_IP:"* ]] || continue
    ! get "$name" primary >/dev/null || /usr/local/lib/gardenos/etcd-member yield
  done
}

# A run that was killed elsewhere may still be at work here.
alone() {
  exec 9>/run/lock/gardenos-postgres.lock
  flock -w 600 9 || fail "another run has been at work on Postgres for ten minutes. Nothing was changed."
}

case ${1:-} in
allow-bootstrap | converge)
  alone
  "${1//-/_}"
  ;;
sql | status | pooler | apart) "$1" ;;
show)
  case ${2:-} in
  cluster | config | history | patroni) ask "$2" || fail "no member answers" ;;
  *) fail "show what? cluster, config, history or patroni" ;;
  esac
  ;;
psql | switchover) "$@" ;;
restart | reinit)
  known "${2:-}"
  "$1" "$2"
  ;;
*)
  sed -n '2,/^set -/s/^# \{0,1\}//p' "$0" >&2
  exit 2
  ;;
esac
