#!/usr/bin/env bash
# Builds the images with the docker on PATH and prints what they weigh.
#   eng/images.sh [REGISTRY/PATH]        names kloset-operator, kloset-worker, kloset-worker-restore; the tag is the version
# Environment: PLATFORM=linux/arm64 (default: this machine's), SOURCE_DATE_EPOCH (default: the last commit's time).
set -euo pipefail
cd "$(dirname "$0")/.."
prefix=${1:+$1/}kloset-
version=$(sed -nE 's/.*<VersionPrefix>([^<]+)<.*/\1/p' Directory.Version.props)
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
export DOCKER_BUILDKIT=1
for target in operator worker worker-restore; do
  docker build --quiet --target "$target" --tag "$prefix$target:$version" ${PLATFORM:+--platform "$PLATFORM"} \
    --build-arg VERSION="$version" --build-arg REVISION="$revision" --build-arg SOURCE_DATE_EPOCH="$epoch" . >/dev/null
done
printf '%-40s %10s %10s\n' image 'all (MB)' 'ours (MB)'
for target in operator worker worker-restore; do
  image=$prefix$target:$version
  all=$(docker image inspect --format '{{.Size}}' "$image")
  # The layer that holds /app is the newest one with a size.
  ours=$(docker history --human=false --format '{{.Size}}' "$image" | awk '$1 > 0 { print $1; exit }')
  awk -v i="$image" -v a="$all" -v o="$ours" 'BEGIN { printf "%-40s %10.1f %10.1f\n", i, a / 1e6, o / 1e6 }'
done
