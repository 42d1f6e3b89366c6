#!/usr/bin/env bash
# Builds the solution and publishes the programs that people run into out/.
set -euo pipefail
cd "$(dirname "$0")/.."
configuration=${1:-Release}
dotnet build KlosetOperator.sln -c "$configuration" --nologo -v quiet -clp:NoSummary
publish() { # PROJECT NAME
  dotnet publish "$1" -c "$configuration" --no-build --nologo -v quiet -o "out/lib/$2"
  ln -sfn "lib/$2/$(basename "$1")" "out/$2"
}
mkdir -p out
publish worker/KlosetWorker kloset
publish operator/KlosetOperator kloset-operator
publish tests/GooglePhotosEmulator google-photos-emulator
echo "out/kloset, out/kloset-operator and out/google-photos-emulator are ready"
