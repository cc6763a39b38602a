"""`python -m bench`: what a governed call costs."""

from __future__ import annotations

from bench.gateway import main

main()
