#!/usr/bin/env bash
# haproxy-node COMMAND: everything that is done to this node's HAProxy. Each command is safe to repeat.
#
#   drain         answer 503 to the load balancer, so that it sends new connections elsewhere; lasts until `ready`,
#                 reloads and reboots included. Connections that are open stay open
#   ready         end that
#   healthy       succeed when HAProxy runs with the installed configuration, whatever its backends do
#   status        {"drained":bool,"backends":[{"name","up","total"}]} on stdout
#
# Exit status: 0 done; 1 failed, with the reason on stderr.
set -Eeuo pipefail

config=/etc/haproxy/haproxy.cfg
list=/etc/haproxy/drain.lst
socket=/run/haproxy/admin.sock

fail() {
  printf 'haproxy on %s: %s\n' "$(hostname)" "$1" >&2
  exit 1
}

# Sends one line to the running process; fails when there is none.
ask() { socat -t 5 - "UNIX-CONNECT:$socket" <<<"$1" 2>/dev/null; }

must_ask() { ask "$1" || fail "does not answer on $socket; see journalctl -u haproxy"; }

# The running process is told, and the file is for the next one. HAProxy that is down reads the file when it starts.
set_list() {
  local answer
  printf '# Written by haproxy-node drain and ready.\n%s' "$1" >"$list.new"
  mv -f "$list.new" "$list"
  ask "clear acl $list" >/dev/null || return 0
  [[ -z $1 ]] && return 0
  answer=$(must_ask "add acl $list drained")
  [[ -z ${answer//[[:space:]]/} ]] || fail "refuses to drain: $answer"
}

drained() { must_ask "show acl $list" | grep -q ' drained$'; }

healthy() {
  local installed running
  installed=$(sed -n 's/^ *description //p' "$config")
  running=$(must_ask "show info" | sed -n 's/^description: //p')
  [[ -n $installed && $running == "$installed" ]] ||
    fail "runs with another configuration (${running:-none}) than the installed one ($installed)"
}

# Servers, one a line, as `backend status`. Columns are found by name: each release adds some.
servers() {
  must_ask "show stat -1 4 -1" | awk -F, '
    NR == 1 { sub(/^# /, ""); for (i = 1; i <= NF; i++) column[$i] = i; next }
    NF > 1 { print $column["pxname"], $column["status"] }'
}

status() {
  local now=false
  drained && now=true
  servers | jq -Rnc --argjson drained "$now" '{
    drained: $drained,
    backends: [inputs | split(" ") | {name: .[0], up: (.[1] == "UP")}]
      | group_by(.name) | map({name: .[0].name, up: map(select(.up)) | length, total: length})
  }'
}

case ${1:-} in
drain) set_list $'drained\n' ;;
ready) set_list "" ;;
healthy | status) "$1" ;;
*)
  sed -n '2,/^set -/s/^# \{0,1\}//p' "$0" >&2
  exit 2
  ;;
esac
