"""The clients are installed by `make clients`, apart from all else; without them nothing is collected."""

from __future__ import annotations

from tests.clients.gateway import PYTHON

collect_ignore_glob = ["programs/*"] if PYTHON.exists() else ["*"]
