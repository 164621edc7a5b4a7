#!/bin/sh
# Before a migration: waits until the database can be reached. A network policy knows a new pod a moment after it has started,
# and until then its connections are refused.
# Environment: DATABASE_HOST, DATABASE_PORT. Exit status: 0 it can; 1 not within a minute.
tries=60
while [ "$tries" -gt 0 ]; do
  nc -w 2 "$DATABASE_HOST" "$DATABASE_PORT" </dev/null >/dev/null 2>&1 && exit 0
  tries=$((tries - 1))
  sleep 1
done
echo "$DATABASE_HOST:$DATABASE_PORT can't be reached" >&2
exit 1
