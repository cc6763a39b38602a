#!/bin/sh
# A pipeline step for any build server: the gate of a use case decides whether the job goes on.
#
#   gate.sh USE-CASE [STAGE-OR-GATE]
#
# It needs ROADWORTHY_URL and ROADWORTHY_TOKEN (a service token with `governance.read`). It writes gate.xml (JUnit)
# and gate.sarif into ROADWORTHY_REPORTS, or here, and ends as `roadworthy gate check` does:
# 0 passed, 3 failed, 5 inconclusive, 1 an item or the command is in error, 4 not signed in.
set -u

use_case=${1:?"which use case?"}
stage=${2:-}
reports=${ROADWORTHY_REPORTS:-.}

set -- gate check "$use_case"
if [ -n "$stage" ]; then
    set -- "$@" --gate "$stage"
fi

roadworthy "$@" -o sarif >"$reports/gate.sarif" 2>/dev/null
roadworthy "$@" -o junit >"$reports/gate.xml"
ended=$?

case "${ROADWORTHY_INCONCLUSIVE:-fail}" in
    warn) [ "$ended" -eq 5 ] && ended=0 ;;
esac
exit "$ended"
