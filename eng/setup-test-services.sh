#!/usr/bin/env bash
# Installs the real components that the tests use, where this machine can: root on Debian. Elsewhere the tests use
# what they find and say what they skipped.
set -euo pipefail
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  missing=()
  for package in radosgw ceph-mon ceph-osd curl openssl prometheus lua5.4 rclone libimage-exiftool-perl libheif-examples; do
    dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  fi
fi
