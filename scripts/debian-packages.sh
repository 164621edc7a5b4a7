#!/bin/sh
# debian-packages.sh PACKAGE…: installs those that are not there, naming them. Nothing to do: says nothing.
set -eu

missing=""
for package in "$@"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] ||
    missing="$missing $package"
done
[ -n "$missing" ] || exit 0

log=$(mktemp)
trap 'rm -f "$log"' EXIT
printf 'Installing Debian packages:%s\n' "$missing" >&2
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # a list of package names
if ! { apt-get -q update && apt-get -q -y install --no-install-recommends $missing; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  printf 'apt-get could not install:%s\n' "$missing" >&2
  exit 1
fi
