#!/bin/sh
# HAProxy's own check of the staged configuration. It names certificates by their final paths; the copy that is
# checked names the staged ones.
set -eu
sed "s#/etc/haproxy/#$STAGED&#g" "$STAGED/etc/haproxy/haproxy.cfg" >"$STAGED/haproxy.check.cfg"
haproxy -c -f "$STAGED/haproxy.check.cfg" >/dev/null
