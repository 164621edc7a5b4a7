#!/usr/bin/env bash
# etcd-member COMMAND: everything the program does to this node's etcd member. Each command is safe to repeat.
#
#   bootstrap     make a new one-member cluster here, with authentication on, unless a member answers somewhere
#   guard         fail when the cluster is gone, unless its data was given up ($ALLOW_NEW_CLUSTER = $SERVER_IDS)
#   join          make this node a voting member: replaces a lost member of the same name, starts as a learner
#   can-restart   succeed when quorum survives a restart of this member; moves the leader away first
#   yield         hand etcd's leadership to another member, if this one has it
#   healthy       succeed when this member serves and is a voter
#   auth          users, roles and permissions; the password of `patroni` arrives on stdin
#   status        {"version","members":[{"name","healthy","leader"}]} on stdout
#
# Reads /etc/etcd/member.env: MEMBER_NAME, MEMBER_IP, MEMBERS ("n1=10.0.1.11 …"), CLUSTER_TOKEN.
# Exit status: 0 done; 1 refused or failed, with the reason on stderr.
set -Eeuo pipefail

# shellcheck source=/dev/null
. /etc/etcd/member.env
set -a
# shellcheck source=/dev/null
. /etc/etcd/ctl.env
set +a
unset ETCDCTL_ENDPOINTS

data=/var/lib/etcd
initial=/etc/etcd/initial.env
staged=/usr/local/share/gardenos/etcd

fail() {
  printf 'etcd on %s: %s\n' "$MEMBER_NAME" "$1" >&2
  exit 1
}

# --- addresses ------------------------------------------------------------------------------------------------

self=https://$MEMBER_IP:2379
peer_url=https://$MEMBER_IP:2380

endpoints_of_others() {
  local member
  for member in $MEMBERS; do
    [[ ${member%%=*} == "$MEMBER_NAME" ]] || printf 'https://%s:2379\n' "${member#*=}"
  done
}

ctl() { etcdctl --dial-timeout=2s --command-timeout=5s "$@"; }

# etcdctl tries a closed port until its time-out; a plain connection attempt tells at once.
listens() {
  local address=${1#https://}
  # shellcheck disable=SC2016 # expanded by the inner shell
  timeout 2 bash -c 'exec 3<>"/dev/tcp/${0%:*}/${0##*:}"' "$address" 2>/dev/null
}

# Asks each other member in turn until one answers. Output of the one that did.
ask_others() {
  local endpoint
  for endpoint in $(endpoints_of_others); do
    listens "$endpoint" && ctl --endpoints="$endpoint" "$@" 2>/dev/null && return 0
  done
  return 1
}

serves() { listens "$1" && ctl --endpoints="$1" endpoint status >/dev/null 2>&1; }

has_data() { [[ -d $data/member/wal ]]; }

any_member_answers() {
  local endpoint
  for endpoint in "$self" $(endpoints_of_others); do
    serves "$endpoint" && return 0
  done
  return 1
}

# Repeats a command until it succeeds or $1 seconds are over.
wait_for() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.3
  done
}

# --- starting -------------------------------------------------------------------------------------------------

# The first start uses the files that the roll will manage later; it never overwrites them.
start_member() {
  [[ -e /etc/etcd/etcd.env ]] || install -m 0644 "$staged/etcd.env" /etc/etcd/etcd.env
  [[ -e /etc/systemd/system/etcd.service ]] ||
    install -m 0644 "$staged/etcd.service" /etc/systemd/system/etcd.service
  systemctl daemon-reload
  systemctl -q enable etcd.service
  systemctl start etcd.service || fail "etcd does not start: $(journalctl -q -u etcd -n 3 -o cat | tr '\n' ' ')"
}

# write_initial MEMBERS STATE TOKEN
write_initial() {
  printf "ETCD_INITIAL_CLUSTER='%s'\nETCD_INITIAL_CLUSTER_STATE='%s'\nETCD_INITIAL_CLUSTER_TOKEN='%s'\n" \
    "$1" "$2" "$3" >"$initial.new"
  mv -f "$initial.new" "$initial"
}

accepts_writes() { listens "$1" && ctl --endpoints="$1" endpoint health >/dev/null 2>&1; }

# A member whose database is full refuses writes and is well otherwise: it takes a larger quota by a restart.
member_healthy() {
  local answer
  listens "$1" || return 1
  answer=$(ctl --endpoints="$1" endpoint health -w json 2>/dev/null) && return 0
  [[ $(jq -r '.[0].error // empty' <<<"$answer") =~ ^Active\ Alarm\(s\):(\ NOSPACE)+\ *$ ]]
}

# --- bootstrap and guard --------------------------------------------------------------------------------------

make_new_cluster() {
  # The token makes the cluster's id: a cluster that replaces a lost one must not take that one's members for its own.
  if ! has_data; then
    write_initial "$MEMBER_NAME=$peer_url" new "$CLUSTER_TOKEN-$(</proc/sys/kernel/random/uuid)"
  fi
  start_member
  wait_for 60 member_healthy "$self" || fail "the first member does not become healthy; see journalctl -u etcd"
  enable_auth
}

# Nobody else holds a client certificate yet; root is the certificate with that common name.
enable_auth() {
  [[ $(ctl --endpoints="$self" auth status 2>/dev/null) == *"Status: true"* ]] && return 0
  ensure_user root
  ensure_role root
  ctl --endpoints="$self" user grant-role root root >/dev/null
  ctl --endpoints="$self" auth enable >/dev/null
}

# Data here means an interrupted first run, or a member that is down: start it. Otherwise a cluster that answers
# is one to join, later.
bootstrap() {
  has_data || ! any_member_answers || return 0
  make_new_cluster
}

guard() {
  any_member_answers && return 0
  if [[ -n ${ALLOW_NEW_CLUSTER:-} && $ALLOW_NEW_CLUSTER == "$SERVER_IDS" ]]; then
    has_data && fail "there is data of the old cluster in $data; move it away before a new cluster is made here"
    make_new_cluster
    return 0
  fi
  fail "this stack made an etcd cluster before, and no member of it answers now. Nothing was created.
  If servers are only powered off or cut off, bring one back and run \`pulumi up\` again.
  If the data is lost, restore a snapshot (docs/runbooks/etcd-restore.md), or give the data up for good:
  pulumi config set --path 'gardenos:etcd.allowNewCluster' '$SERVER_IDS'"
}

# --- join -----------------------------------------------------------------------------------------------------

# The members as the others see them, a line each: id status name peer-url client-url learner. "-" is nothing yet.
members() { ask_others member list | awk -F ', ' '{ $1 = $1; for (i = 1; i <= 6; i++) if ($i == "") $i = "-"; print }'; }

# This node's line of `members`: the one with its peer address or its name.
own_line() { awk -v url="$peer_url" -v name="$MEMBER_NAME" '$4 == url || $3 == name' | head -n 1; }

others_healthy() {
  local list count=0 status url client
  list=$(members) || return 1
  while read -r _ status _ url client _; do
    [[ $url != "$peer_url" ]] || continue
    [[ $status == started ]] && member_healthy "$client" || return 1
    count=$((count + 1))
  done <<<"$list"
  ((count > 0))
}

is_voter() {
  local list
  list=$(members) || list=$(ctl --endpoints="$self" member list 2>/dev/null | tr -d ,) || return 1
  [[ $(own_line <<<"$list") == *" started "*" false" ]]
}

promote() {
  is_voter && return 0
  local id
  id=$(members | own_line | cut -d' ' -f1)
  [[ -n $id ]] && ask_others member promote "$id" >/dev/null && is_voter
}

# Data that the cluster does not know, once started, could elect a leader of its own.
refuse_foreign_data() {
  local list
  list=$(members) || return 0
  [[ -z $(own_line <<<"$list") ]] || return 0
  fail "the data in $data is of a member that the cluster does not know: removed, or of a cluster given up.
  Stop etcd here, move $data/member away and run \`pulumi up\` again: this node then joins as a new member."
}

join() {
  if has_data; then
    refuse_foreign_data
  else
    wait_for 120 others_healthy ||
      fail "can't join: the other members are not all healthy, and joining now could cost quorum.
  \`etcd-member status\` on another node shows them; docs/runbooks/etcd-member.md tells how to go on."
    add_member
  fi
  start_member
  wait_for 120 promote || fail "was added as a learner but is not promoted; see journalctl -u etcd"
  wait_for 60 member_healthy "$self" || fail "joined, but is not healthy; see journalctl -u etcd"
}

answer=/run/etcd-member-add

# Removes what is left of a lost member of this name, then adds this node as a learner.
add_member() {
  local lost
  lost=$(members | own_line | cut -d' ' -f1)
  if [[ -n $lost ]]; then
    ask_others member remove "$lost" >/dev/null || fail "can't remove the lost member $lost from the cluster"
  fi
  # etcd refuses while the newest member has been connected for less than five seconds.
  wait_for 60 add_learner || fail "the cluster refuses to add this node as a learner: $(cat "$answer")"
  write_initial "$(sed -n 's/^ETCD_INITIAL_CLUSTER="\(.*\)"$/\1/p' "$answer")" existing "$CLUSTER_TOKEN"
}

add_learner() {
  local endpoint
  for endpoint in $(endpoints_of_others); do
    listens "$endpoint" || continue
    ctl --endpoints="$endpoint" member add "$MEMBER_NAME" --learner --peer-urls="$peer_url" >"$answer" 2>&1
    return
  done
  return 1
}

# --- restart gate and health ----------------------------------------------------------------------------------

quorum_without_me() {
  local voters healthy=0 endpoint
  voters=$(members | grep -c ' false$') || return 1
  for endpoint in $(endpoints_of_others); do
    member_healthy "$endpoint" && healthy=$((healthy + 1))
  done
  ((healthy >= voters / 2 + 1))
}

can_restart() {
  [[ -z $(endpoints_of_others) ]] && return 0
  wait_for 60 quorum_without_me ||
    fail "quorum would not survive a restart of this member: the others are not healthy. It was left running."
  move_leader_away
}

is_leader() {
  [[ $(ctl --endpoints="$1" endpoint status -w json 2>/dev/null |
    jq '.[0].Status | (.leader // 0) != 0 and .leader == .header.member_id') == true ]]
}

# A planned hand-over costs clients nothing; an election after the stop would cost them a second.
move_leader_away() {
  is_leader "$self" || return 0
  local id peer url learner
  while read -r id _ _ peer url learner; do
    [[ $learner == false && $peer != "$peer_url" ]] || continue
    # A member that is gone would take the role and leave everybody without a leader for a second.
    member_healthy "$url" || continue
    ctl --endpoints="$self" move-leader "$id" >/dev/null || true
    return 0
  done < <(members)
}

healthy() { member_healthy "$self" && is_voter; }

# --- users and roles ------------------------------------------------------------------------------------------

ensure_user() {
  ctl --endpoints="$self" user get "$1" >/dev/null 2>&1 ||
    ctl --endpoints="$self" user add "$1" --no-password >/dev/null
}

ensure_role() {
  ctl --endpoints="$self" role get "$1" >/dev/null 2>&1 || ctl --endpoints="$self" role add "$1" >/dev/null
}

grant() { ctl --endpoints="$self" role grant-permission "$@" >/dev/null; }

# k3s is known by the common name of its certificate. Patroni talks through the JSON gateway, which ignores
# certificates' names, so it has a password; its certificate has an empty common name.
auth() {
  local password
  IFS= read -r password
  enable_auth
  ensure_user k3s
  ensure_role k3s
  grant k3s --prefix=true readwrite /registry/
  grant k3s --prefix=true readwrite /bootstrap
  grant k3s readwrite compact_rev_key
  ctl --endpoints="$self" user grant-role k3s k3s >/dev/null
  if ctl --endpoints="$self" user get patroni >/dev/null 2>&1; then
    ctl --endpoints="$self" user passwd patroni --interactive=false <<<"$password" >/dev/null
  else
    ctl --endpoints="$self" user add patroni --interactive=false <<<"$password" >/dev/null
  fi
  ensure_role patroni
  grant patroni --prefix=true readwrite /service/
  ctl --endpoints="$self" user grant-role patroni patroni >/dev/null
}

# --- status ---------------------------------------------------------------------------------------------------

version_of() { ctl --endpoints="$1" endpoint status -w json 2>/dev/null | jq -r '.[0].Status.version // empty'; }

status() {
  local list name endpoint version="" rows=()
  list=$(ctl --endpoints="$self" member list 2>/dev/null || ask_others member list) ||
    fail "no member of the cluster answers"
  while IFS=, read -r _ _ name _ endpoint _; do
    name=${name# } endpoint=${endpoint# }
    local healthy=false leader=false
    if listens "$endpoint"; then
      accepts_writes "$endpoint" && healthy=true
      is_leader "$endpoint" && leader=true
      [[ -n $version ]] || version=$(version_of "$endpoint") || true
    fi
    rows+=("$(jq -nc --arg name "${name:-(joining)}" --argjson healthy "$healthy" --argjson leader "$leader" \
      '{name: $name, healthy: $healthy, leader: $leader}')")
  done <<<"$list"
  printf '%s\n' "${rows[@]}" | jq -sc --arg version "$version" '{version: $version, members: sort_by(.name)}'
}

# A run that was killed elsewhere may still be at work here, and two joins at once would undo each other.
alone() {
  exec 9>/run/lock/gardenos-etcd.lock
  flock -w 300 9 || fail "another run has been at work on this member for five minutes. Nothing was changed."
}

case ${1:-} in
bootstrap | guard | join | auth)
  alone
  "$1"
  ;;
healthy | status) "$1" ;;
can-restart) can_restart ;;
yield) move_leader_away ;;
*)
  sed -n '2,/^set -/s/^# \{0,1\}//p' "$0" >&2
  exit 2
  ;;
esac
