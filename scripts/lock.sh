#!/bin/sh
# Write the hash-locked requirements anew. Without arguments versions stay where they are unless
# pyproject.toml forces a move; `scripts/lock.sh --upgrade` moves all of them.
#
# run.lock is what the product needs to run, test.lock adds what its tests need at the very same
# versions, installer.lock is the installer alone, which pip fetches first.
set -eu
cd "$(dirname "$0")/.."
uv=${UV:-.venv/bin/uv}
flags="--universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --quiet"

# shellcheck disable=SC2086
$uv pip compile $flags "$@" --extra demo --extra build --output-file requirements/run.lock pyproject.toml
# shellcheck disable=SC2086
$uv pip compile $flags "$@" --extra demo --extra build --extra test \
    --constraint requirements/run.lock --output-file requirements/test.lock pyproject.toml
sed -n '/^uv==/,/^    #/p' requirements/run.lock | grep -v '^    #' > requirements/installer.lock
