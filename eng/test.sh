#!/usr/bin/env bash
# Sets up what the tests use, runs them all, and ends with one line of true counts.
set -uo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
eng/setup-test-services.sh || exit 1
eng/build.sh Release || exit 1
dotnet test --solution KlosetOperator.sln -c Release --no-build --max-parallel-test-modules 1 "$@" 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
count() { grep -E "^ *$1: [0-9]+" "$log" | tail -1 | grep -oE '[0-9]+' || echo 0; }
echo "tests: $(count succeeded) passed, $(count failed) failed, $(count skipped) skipped"
exit "$status"
