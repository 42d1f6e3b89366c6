#!/usr/bin/env bash
# Sets up what the tests use, runs every test project, and ends with one line of true counts.
# A project with failures is run a second time and its second counts hold, so that a machine that was busy elsewhere for a
# moment does not fail a whole run; what passed only then is named before the counts, because it has to be mended.
set -uo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
eng/setup-test-services.sh || exit 1
eng/build.sh Release || exit 1

passed=0 failed=0 skipped=0 unstable=()
run() { # PROJECT: runs it; leaves its output in $log. A file and no pipe: a server that outlives its test would hold a pipe open.
  local status=0
  timeout --kill-after=30 1200 dotnet test --project "$1" -c Release --no-build "${arguments[@]}" >"$log" 2>&1 </dev/null || status=$?
  cat "$log"
  return "$status"
}
count() { grep -E "^ *$1: [0-9]+" "$log" | tail -1 | grep -oE '[0-9]+' || echo 0; }

arguments=("$@")
for project in tests/*.Tests tests/EndToEnd tests/Fuzzing; do
  if ! run "$project/$(basename "$project").csproj"; then
    echo "again: $project"
    unstable+=("$project")
    if ! run "$project/$(basename "$project").csproj" && [ "$(count failed)" = 0 ]; then
      failed=$((failed + 1)) # it crashed or hung without saying which test
    fi
  fi
  passed=$((passed + $(count succeeded))) failed=$((failed + $(count failed))) skipped=$((skipped + $(count skipped)))
done

[ ${#unstable[@]} = 0 ] || echo "needed a second run: ${unstable[*]}"
echo "tests: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
