#!/bin/sh
# Make or complete .venv from a hash-locked requirement file: `environment.sh requirements/run.lock`.
#
# The lock's own uv is fetched first and installs the rest, about five times faster than pip (measured: 20 s
# against 107 s for the tests' lock). Where uv cannot reach the index that pip is set up for, pip does it.
set -eu
lock=$1
if [ ! -x .venv/bin/python ]; then
    python=$(sh scripts/python.sh)
    echo "Making .venv with $python"
    "$python" -m venv .venv
fi
pip() { .venv/bin/python -m pip --disable-pip-version-check install --quiet "$@"; }
uv() { .venv/bin/uv pip install --quiet --python .venv/bin/python "$@"; }

echo "Installing $lock"
[ -x .venv/bin/uv ] || pip --require-hashes --requirement requirements/installer.lock
uv --require-hashes --requirement "$lock" || pip --require-hashes --requirement "$lock"
# The build tools came with the lock, so the package itself needs nothing from outside.
uv --no-build-isolation --no-deps --editable . || pip --no-build-isolation --no-deps --editable .
