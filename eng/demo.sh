#!/usr/bin/env bash
# Builds what the demo runs, no more, and plays it.
set -euo pipefail
cd "$(dirname "$0")/.."
publish() { # PROJECT NAME
  dotnet publish "$1" -c Release --nologo -v quiet -clp:NoSummary -o "out/lib/$2"
  ln -sfn "lib/$2/$(basename "$1")" "out/$2"
}
mkdir -p out
publish worker/KlosetWorker kloset
publish operator/KlosetOperator kloset-operator
dotnet build tests/Demo -c Release --nologo -v quiet -clp:NoSummary
exec dotnet artifacts/bin/Demo/release/Demo.dll "$@"
