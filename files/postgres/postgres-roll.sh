#!/usr/bin/env bash
# How postgres-node brings members to what is wanted: replicas first, one switchover, the old leader last. Sourced after postgres-common.sh.
# shellcheck disable=SC2154 # names is of postgres-common.sh, wanted of converge

# pod NAME JQ
pod() { kube get pod "$1" --ignore-not-found -o json | jq -cr "$2"; }

# The template's revision, once the controller has seen the newest one.
revision() {
  kube get statefulset postgres -o json |
    jq -er 'select(.status.observedGeneration >= .metadata.generation) | .status.updateRevision'
}

outdated() {
  local label
  label=$(pod "$1" '.metadata.labels["controller-revision-hash"]') || fail "the API server does not answer"
  [[ -n $label && $label != "$wanted" ]]
}

needs() { outdated "$1" || get "$1" patroni | jq -e .pending_restart >/dev/null; }

ready_since() {
  reason="the pod of $1 is not ready"
  [[ $(pod "$1" '[.metadata.uid, any(.status.conditions[]?; .type == "Ready" and .status == "True")] | join(" ")') =~ ^(.+)\ true$ ]] &&
    [[ ${BASH_REMATCH[1]} != "$2" ]]
}

replace() {
  local uid
  uid=$(pod "$1" .metadata.uid)
  say "$1: a new pod"
  kube delete pod "$1" --wait=false >/dev/null
  wait_for 300 ready_since "$1" "$uid" || fail "$reason after 5 minutes; the others were left alone. $(last_words "$1")"
}

# Patroni's own patience is primary_start_timeout, which may be nothing.
restart_member() {
  local answer
  say "$1: Postgres restarts"
  answer=$(send POST "$1" restart '{"timeout": 120}') || fail "$1 does not restart: $answer. $(last_words "$1")"
}

until_well() { wait_for 300 well || fail "not well after 5 minutes: $reason. The other members were left alone."; }

roll_member() {
  needs "$1" || return 0
  if outdated "$1"; then replace "$1"; else restart_member "$1"; fi
  until_well
}

# A pod that never came to run serves nobody, and the new template may be its cure.
revive() {
  local name
  for name in "${names[@]}"; do
    outdated "$name" || continue
    [[ $(pod "$name" 'any(.status.containerStatuses[]?; .name == "postgres" and .state.running)') == false ]] || continue
    say "$name: its pod does not run, and is of an older template: a new pod"
    kube delete pod "$name" --wait=false >/dev/null
  done
}

# Replicas refuse to have less of these than their primary, so that one goes first, and in place.
lowered() {
  get "$1" patroni | jq -e '.pending_restart_reason // {} | to_entries | any(
    (.key | IN("max_connections", "max_locks_per_transaction", "max_prepared_transactions", "max_wal_senders",
      "max_worker_processes"))
    and (.value.new_value | tonumber) < (.value.old_value | tonumber))' >/dev/null
}

# Neither does a replica that does not follow.
cure() {
  local name
  for name in $(replicas); do
    ! outdated "$name" || well "$name" || replace "$name"
  done
}

# What Patroni says of a restart is a round old now and then.
as_wanted() {
  local name
  for name in "${names[@]}"; do
    reason="$name does not answer"
    get "$name" patroni >/dev/null || return 1
    reason="$name is not as wanted"
    ! needs "$name" || return 1
  done
}

# Replicas, one switchover, the old leader; nothing for those that are as wanted.
roll_all() {
  local old name
  wait_for 300 well || fail "rolling was not begun: $reason. Make the cluster healthy, then run \`pulumi up\` again."
  old=$(must_lead)
  if lowered "$old"; then
    restart_member "$old"
    until_well
  fi
  for name in $(replicas); do roll_member "$name"; done
  needs "$old" || return 0
  if ((${#names[@]} > 1)) && [[ $(leader) == "$old" ]]; then switch_to "$(candidate)"; fi
  roll_member "$old"
}

# A replica that was quicker than the log of a lower setting starts with the higher one, and once more is enough for it.
roll() {
  cure
  for _ in 1 2 3; do
    roll_all
    wait_for 10 as_wanted || continue
    say "every member is as wanted"
    return 0
  done
  fail "after three rounds $reason: another leader was chosen meanwhile. Run \`pulumi up\` again"
}
