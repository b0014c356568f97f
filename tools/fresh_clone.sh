#!/bin/sh
# Prove the README's two commands in a fresh clone with a fresh virtual environment: the demo tells its whole story,
# and a user sees the first alert, case and ticket within a minute of the printed address.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
folder=$(mktemp -d "${TMPDIR:-/tmp}/samdrift-clone-XXXXXX")
trap 'rm -rf "$folder"' EXIT INT TERM
git clone --quiet "$here" "$folder/samdrift"
cd "$folder/samdrift"
make --no-print-directory install
.venv/bin/python tools/watch_demo.py
