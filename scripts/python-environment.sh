#!/bin/sh
# Afterwards .venv holds exactly the locked versions, checked by hash, and the product itself as `.venv/bin/idm`.
# Quick when neither the lock nor pyproject.toml has changed since the last time.
set -eu

STAMP=.venv/.installed

python3 - <<'PYTHON' || exit 1
import sys
if sys.version_info < (3, 11):
    found = ".".join(map(str, sys.version_info[:3]))
    sys.exit(f"setup: Python 3.11 or newer is needed; `python3` here is {found} ({sys.executable}).")
PYTHON

wanted=$(cat requirements.lock pyproject.toml scripts/python-environment.sh | sha256sum | cut -d ' ' -f 1)
if [ -x .venv/bin/idm ] && [ -x .venv/bin/python ] && [ "$(cat $STAMP 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi

echo "setup: installing the locked Python packages into .venv" >&2
[ -x .venv/bin/python ] || python3 -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
echo "$wanted" >$STAMP
