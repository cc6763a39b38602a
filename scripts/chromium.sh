#!/bin/sh
# Make sure that Chromium is there for the browser tests; install Debian's package if we may.
set -eu
for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null 2>&1 && exit 0
done
as_root=""
if [ "$(id -u)" != 0 ]; then
    as_root="sudo -n"
fi
if command -v apt-get >/dev/null 2>&1 && $as_root true 2>/dev/null; then
    echo "Installing Chromium for the browser tests"
    # The index first: on a fresh machine it is empty or too old for the package's present file.
    $as_root apt-get -qq update
    DEBIAN_FRONTEND=noninteractive $as_root apt-get -qq install --yes --no-install-recommends \
        chromium fonts-liberation >/dev/null
    exit 0
fi
echo "The browser tests need Chromium, and this user may not install it." >&2
echo "Install the package 'chromium' with your system's package manager and run this again." >&2
exit 1
