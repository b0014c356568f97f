#!/bin/sh
# Make the hash-locked sets anew. Needs `uv` on PATH; no index address is written to any file.
set -eu
cd "$(dirname "$0")/../requirements"
for set in run scale test; do
  extra=""; [ "$set" = scale ] && extra="-c run.txt"
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --custom-compile-command "tools/lock.sh" $extra "$set.in" -o "$set.txt"
done
