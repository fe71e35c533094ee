#!/bin/sh
# Afterwards requirements.lock holds the newest allowed versions with hashes, for every supported platform, and no URL.
set -eu

tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
python3 -m venv "$tools"
"$tools/bin/python" -m pip install --quiet --disable-pip-version-check uv
"$tools/bin/uv" pip compile pyproject.toml --extra postgres --extra dev --universal --generate-hashes --upgrade \
    --no-emit-index-url --no-emit-find-links --no-header --quiet -o "$tools/requirements.lock"
if grep -nE '[a-z]+://|^--?[a-z]' "$tools/requirements.lock"; then
    echo "lock: a line above names a place or an option; a lock names versions and hashes only." >&2
    exit 1
fi
cp "$tools/requirements.lock" requirements.lock
