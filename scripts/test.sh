#!/bin/sh
# test.sh FOLDER: every test. Reports go into the folder, and a table of them ends it.
# What has to be compiled the first time is compiled at the lowest priority beside the tests that need nothing of it.
# Exit status: 0 when all have passed.
set -u

reports=$1
mkdir -p "$reports"
rm -f "$reports"/*.json

setpriv --pdeathsig KILL nice -n 19 node scripts/build-lab.ts &
builder=$!
trap 'kill "$builder" 2>/dev/null' EXIT

# run REPORT OPTIONS
run() {
  report=$1
  shift
  vitest run --reporter=default --reporter=json --outputFile.json="$reports/$report.json" "$@"
}

run fast --project unit --project hosts --coverage
first=$?
# Has it failed, the tests that need it say why.
wait "$builder"
run rest --project lab --project kubernetes
second=$?
node scripts/test-summary.ts "$reports"/*.json
exit $((first + second))
