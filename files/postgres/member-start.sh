#!/bin/sh
# member-start.sh DATA_DIRECTORY COMMAND…: what a member's container runs.
#
# A copy of the leader's data that was cut off has its backup_label, or only the log that comes beside it, and no pg_control, which
# pg_basebackup writes last: nobody can use it, and Patroni would look at it for ever. What Postgres ever ran with has a pg_control.
set -eu
data=$1
shift
if [ -d "$data" ] && [ ! -e "$data/global/pg_control" ]; then
  if [ -e "$data/backup_label" ] || [ "$(ls -A "$data")" = pg_wal ]; then
    echo "A copy of the leader's data was cut off. It is removed, and Patroni makes another one." >&2
    find "$data" -mindepth 1 -delete
  fi
fi
exec "$@"
