#!/bin/sh
# preflight.sh lab|program: names everything this machine lacks, in one line, before anything starts.
# lab: what the lab needs (Linux, root, Debian packages through apt, Go). program: what a preview needs.
set -u

missing=""
lack() { missing="${missing:+$missing; }$1"; }

# at_least WANT GOT: compares dotted versions.
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

has() { command -v "$1" >/dev/null 2>&1; }

if has node; then
  version=$(node --version | tr -d v)
  at_least 20 "$version" || lack "Node.js 20 or newer (found $version)"
else
  lack "Node.js 20 or newer"
fi
has npm || lack "npm"
has git || lack "git"

if [ "${1:-lab}" = lab ]; then
  if [ "$(uname -s)" != Linux ]; then
    lack "Linux (this is $(uname -s))"
  else
    [ "$(id -u)" -eq 0 ] || lack "root (the lab makes network namespaces and machines; try sudo)"
    [ "$(uname -m)" = x86_64 ] || lack "an x86-64 machine (this is $(uname -m))"
    has apt-get || lack "Debian 12 or 13 (no apt-get here)"
  fi
  if has go; then
    version=$(go env GOVERSION | sed 's/^go//')
    at_least 1.26.3 "$version" || lack "Go 1.26.3 or newer (found $version)"
  else
    lack "Go 1.26.3 or newer"
  fi
fi

[ -z "$missing" ] && exit 0
printf 'Missing: %s.\n' "$missing" >&2
[ "${1:-lab}" = lab ] && printf 'Without them, "make preview" still shows what the program would do.\n' >&2
exit 1
