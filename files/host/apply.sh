#!/usr/bin/env bash
# Applies one bundle to this node. Idempotent: creating and updating are the same run.
#
#   apply PAYLOAD_DIR
#
# PAYLOAD_DIR holds:
#   name                bundle name
#   packages            Debian packages, one a line
#   users               system users, `name home` a line
#   directories         `path mode owner` a line
#   artifacts           `name url sha256 directory file` a line; file `-`: a tarball, its first path component is
#                       dropped; otherwise the name that the download is kept under, executable
#   files.tsv           path, mode, owner, seed (yes|no), sha256, source; tab-separated
#   units.tsv           unit, action (restart|reload|none), watched paths (space-separated; empty: all); tab-separated
#   health-timeout      seconds
#   content/N           file contents, named in files.tsv
#   hooks/{validate,gate,health}   optional executables
#   complete            the last entry: without it a part of the payload was lost on the way
#
# Order: packages, users, directories, artifacts; then compare, validate, gate, swap, units, health. Nothing that
# serves is touched before the gate is passed. After the swap every failure puts the earlier files back. A run that
# is killed leaves a journal; the next one first undoes it and then treats every unit as changed.
#
# Exit status: 0 applied or nothing to do; 1 refused or rolled back, with the reason on stderr.
set -Eeuo pipefail
umask 077
export LC_ALL=C

payload=$1
bundle=$(<"$payload/name")
state=/var/lib/gardenos/bundles/$bundle
journal=$state/journal
staged=$payload/staged
mkdir -p "$staged" /run/lock

changed=()
handled=()

say() { printf '%s: %s\n' "$bundle" "$1"; }

fail() {
  printf '%s on %s: %s\n' "$bundle" "$(hostname)" "$1" >&2
  exit 1
}

# --- a killed run ---------------------------------------------------------------------------------------------

# Where a new file waits to take the place of $1.
beside() { printf '%s/.%s.gardenos' "${1%/*}" "${1##*/}"; }

# Puts a copy of $1 beside $2; `mv` then swaps in one step, so that readers see the old file or the new one.
place() {
  (umask 022 && mkdir -p "${2%/*}") && cp -pf "$1" "$(beside "$2")"
}

same_file() {
  cmp -s "$1" "$2" && [[ $(stat -c '%a %U:%G' "$1") == "$(stat -c '%a %U:%G' "$2")" ]]
}

# Leaves alone what was not swapped: on a full disk there may be no room to write it again.
restore_journal() {
  local path kept
  while IFS= read -r path; do
    rm -f "$(beside "$path")"
    kept=$journal/files$path
    if [[ ! -e $kept ]]; then
      rm -f "$path"
    elif ! same_file "$kept" "$path"; then
      place "$kept" "$path" && mv -f "$(beside "$path")" "$path" || return 1
    fi
  done <"$journal/paths"
}

# The payloads of runs that are gone. Those that live may wait for our lock.
remove_old_payloads() {
  local folder pid
  for folder in /run/gardenos.*; do
    pid=${folder#/run/gardenos.}
    [[ -d /proc/${pid%%.*} ]] || rm -rf "$folder"
  done
}

undo_killed_run() {
  rm -rf "$state/journal.new"
  remove_old_payloads
  [[ -d $journal ]] || return 0
  say "undoing a run that was interrupted"
  restore_journal
  touch "$state/dirty"
  rm -rf "$journal"
}

# --- what files need ------------------------------------------------------------------------------------------

install_packages() {
  local missing=() package
  while IFS= read -r package; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done <"$payload/packages"
  ((${#missing[@]})) || return 0
  say "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  local apt=(apt-get -q -y -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3)
  if ! "${apt[@]}" update >"$payload/apt.log" 2>&1 ||
    ! "${apt[@]}" install --no-install-recommends -o Dpkg::Options::=--force-confold "${missing[@]}" \
      >>"$payload/apt.log" 2>&1 </dev/null; then
    grep -E '^(E|W|dpkg):' "$payload/apt.log" >&2 || tail -n 5 "$payload/apt.log" >&2
    fail "apt could not install ${missing[*]}. No file was changed."
  fi
}

make_users() {
  local user home
  while read -r user home; do
    id "$user" >/dev/null 2>&1 || useradd --system --user-group --home-dir "$home" --shell /usr/sbin/nologin "$user"
  done <"$payload/users"
}

make_directories() {
  local path mode owner
  while read -r path mode owner; do
    (umask 022 && mkdir -p "$path")
    chmod "$mode" "$path"
    chown "$owner" "$path"
  done <"$payload/directories"
}

fetch_artifacts() {
  local name url sum directory file got
  while read -r name url sum directory file; do
    [[ $(cat "$directory/.sha256" 2>/dev/null) == "$sum" ]] && continue
    say "fetching $name"
    rm -rf "$directory.new"
    mkdir -p "$directory.new"
    curl -fsSL --retry 4 --retry-connrefused --max-time 600 -o "$directory.new/.download" "$url" ||
      { rm -rf "$directory.new"; fail "artifact $name: can't download $url. No file was changed."; }
    got=$(sha256sum <"$directory.new/.download" | cut -d' ' -f1)
    if [[ $got != "$sum" ]]; then
      rm -rf "$directory.new"
      fail "artifact $name from $url: sha256 is $got, want $sum. It was thrown away; no file was changed."
    fi
    if [[ $file == - ]]; then
      tar -xf "$directory.new/.download" -C "$directory.new" --strip-components=1 --no-same-owner
      rm "$directory.new/.download"
    else
      mv "$directory.new/.download" "$directory.new/$file"
      chmod 0755 "$directory.new/$file"
    fi
    printf '%s\n' "$sum" >"$directory.new/.sha256"
    chmod -R a+rX "$directory.new"
    chmod 0755 "$directory.new"
    rm -rf "$directory"
    mv "$directory.new" "$directory"
  done <"$payload/artifacts"
}

# --- compare, validate, gate ----------------------------------------------------------------------------------

stage_files() {
  local path mode owner seed sum source
  while IFS=$'\t' read -r path mode owner seed sum source; do
    [[ $(sha256sum <"$payload/content/$source" | cut -d' ' -f1) == "$sum" ]] ||
      fail "the payload is damaged: $path does not have its checksum. No file was changed."
    mkdir -p "$staged$(dirname "$path")"
    install -m "$mode" -o "${owner%%:*}" -g "${owner##*:}" "$payload/content/$source" "$staged$path"
    differs "$path" "$seed" && changed+=("$path")
  done <"$payload/files.tsv"
  return 0
}

differs() {
  local path=$1 seed=$2
  [[ -e $path ]] || return 0
  [[ $seed == yes ]] && return 1
  ! same_file "$staged$path" "$path"
}

# Files of an earlier version of this bundle that it no longer has.
find_dropped() {
  [[ -f $state/owned ]] || return 0
  comm -23 "$state/owned" <(cut -f1 "$payload/files.tsv" | sort) >"$payload/dropped"
  local path
  while IFS= read -r path; do
    [[ -e $path ]] && changed+=("$path")
  done <"$payload/dropped"
  return 0
}

run_hook() {
  [[ -x $payload/hooks/$1 ]] || return 0
  STAGED=$staged "$payload/hooks/$1"
}

# --- swap and units -------------------------------------------------------------------------------------------

# Called as a condition, where bash ignores errexit: every step says what its failure means.
write_journal() {
  local path new=$state/journal.new
  mkdir -p "$new/files" && printf '%s\n' "${changed[@]}" >"$new/paths" || return 1
  for path in "${changed[@]}"; do
    [[ -e $path ]] || continue
    mkdir -p "$new/files${path%/*}" && cp -pf "$path" "$new/files$path" || return 1
  done
  sync -f "$state" && mv "$new" "$journal"
}

# All new files are written before the first one is swapped: a full disk is met while nothing has changed.
swap_files() {
  ((${#changed[@]})) || return 0
  local path
  write_journal || return 1
  for path in "${changed[@]}"; do
    [[ ! -e $staged$path ]] || place "$staged$path" "$path" || return 1
  done
  for path in "${changed[@]}"; do
    if [[ -e $staged$path ]]; then
      mv -f "$(beside "$path")" "$path" || return 1
    else
      rm -f "$path" || return 1
    fi
  done
}

touched() {
  [[ -e $state/dirty ]] && return 0
  [[ -z $1 ]] && { ((${#changed[@]})); return; }
  local watched path
  for watched in $1; do
    for path in "${changed[@]}"; do
      [[ $path == "$watched" || $path == "$watched"/* ]] && return 0
    done
  done
  return 1
}

# True for a unit that systemd skipped because the machine lacks what it needs (chrony in a container).
condition_failed() {
  [[ $(systemctl show -P ConditionTimestampMonotonic "$1") != 0 && $(systemctl show -P ConditionResult "$1") == no ]]
}

handle_units() {
  local unit action watched
  if printf '%s\n' "${changed[@]}" | grep -q '^/etc/systemd/system/' || [[ -e $state/dirty ]]; then
    systemctl daemon-reload
  fi
  while IFS=$'\t' read -r unit action watched; do
    # A unit that is enabled is left alone: for one with an old init script, enabling takes seconds every time.
    systemctl -q is-enabled "$unit" 2>/dev/null || systemctl -q enable "$unit" 2>/dev/null || true
    [[ $action == none ]] && continue
    # A unit may be listed twice, to be restarted for some files and reloaded for others.
    [[ " ${handled[*]} " == *" $unit "* ]] && continue
    if touched "$watched"; then
      handled+=("$unit")
      systemctl "$([[ $action == reload ]] && echo reload-or-restart || echo restart)" "$unit" || return 1
    elif ! systemctl -q is-active "$unit" && ! condition_failed "$unit"; then
      handled+=("$unit")
      systemctl start "$unit" || return 1
    fi
  done <"$payload/units.tsv"
}

await_health() {
  [[ -x $payload/hooks/health ]] || return 0
  local deadline=$((SECONDS + $(<"$payload/health-timeout")))
  until run_hook health >"$payload/health.log" 2>&1; do
    ((SECONDS < deadline)) || { tail -n 5 "$payload/health.log" >&2; return 1; }
    sleep 0.5
  done
}

roll_back() {
  local unit
  restore_journal
  systemctl daemon-reload
  for unit in "${handled[@]}"; do
    if [[ $(systemctl show -P LoadState "$unit") == loaded ]]; then
      systemctl restart "$unit" || true
    else
      systemctl stop "$unit" 2>/dev/null || true
    fi
  done
  rm -rf "$journal"
}

trap 'printf "%s on %s: stopped at line %s of apply; the next run repairs what it left\n" "$bundle" "$(hostname)" "$LINENO" >&2' ERR

main() {
  [[ -e $payload/complete ]] || fail "the payload arrived in part. No file was changed; run again."
  exec 9>/run/lock/gardenos-apply.lock
  flock -w 300 9 || fail "another apply has held the lock for five minutes. No file was changed."
  mkdir -p "$state" || fail "can't write to /var/lib (see above). No file was changed."
  undo_killed_run
  install_packages
  make_users
  make_directories
  fetch_artifacts
  stage_files
  find_dropped
  run_hook validate || fail "the new files do not pass their check (see above). No file was changed."
  if ((${#changed[@]})) || [[ -e $state/dirty ]]; then
    run_hook gate || fail "not safe to go on now (see above). No file was changed."
  fi
  if ! swap_files; then
    [[ -d $journal ]] && { restore_journal; rm -rf "$journal"; }
    rm -rf "$state/journal.new"
    fail "the files could not be written (see above). The earlier ones are in place."
  fi
  if ! handle_units || ! await_health; then
    if [[ -d $journal ]]; then
      roll_back
      fail "not healthy with the new files (see above). The earlier ones are back."
    fi
    fail "not healthy, though no file changed: look at the units' journal on the node."
  fi
  cut -f1 "$payload/files.tsv" | sort >"$state/owned"
  rm -rf "$journal" "$state/dirty"
  say "${#changed[@]} files changed${handled[*]:+, units handled: ${handled[*]}}"
}

main
