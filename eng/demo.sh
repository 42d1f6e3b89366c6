#!/usr/bin/env bash
# Builds the programs and runs the demo on them.
set -euo pipefail
cd "$(dirname "$0")/.."
eng/build.sh Release
exec dotnet run --project tests/Demo -c Release --no-build -- "$@"
