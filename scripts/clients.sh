#!/bin/sh
# Install the client libraries that tests/clients runs through the gateway, hash-locked, into .cache/clients:
# a virtual environment of their own, and the JavaScript clients where Node is there.
set -eu
cd "$(dirname "$0")/.."
at=.cache/clients
mkdir -p "$at"
[ -x "$at/venv/bin/python" ] || .venv/bin/uv venv --quiet --python .venv/bin/python "$at/venv"
.venv/bin/uv pip install --quiet --python "$at/venv/bin/python" --require-hashes --requirement requirements/clients.lock
if command -v npm >/dev/null; then
    mkdir -p "$at/js"
    cp tests/clients/js/package.json tests/clients/js/package-lock.json tests/clients/js/clients.mjs "$at/js/"
    (cd "$at/js" && npm ci --silent --no-audit --no-fund --ignore-scripts)
fi
