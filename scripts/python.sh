#!/bin/sh
# Print the first Python that is 3.11 or newer and can make an environment; say what is missing if none.
for candidate in ${PYTHON:-} python3.11 python3.12 python3.13 python3; do
    # Run it: a version manager may put a name on the path that answers "not found".
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        command -v "$candidate"
        exit 0
    fi
done
echo "Roadworthy needs Python 3.11 or newer with its venv module, and found none on the path." >&2
echo "On Debian or Ubuntu: apt-get install python3 python3-venv. Or name one: make PYTHON=/path/to/python" >&2
exit 1
