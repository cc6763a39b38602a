"""The small model's program checks its weights and leaves cleanly."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from roadworthy.entrypoints import small_model


def test_altered_weights_are_refused(tmp_path: Path) -> None:
    """A file of the right name and wrong content is named with both hashes, never loaded."""
    (tmp_path / small_model.WEIGHTS_NAME).write_bytes(b"GGUF")
    with pytest.raises(small_model.WeightsError, match=small_model.WEIGHTS_SHA256):
        small_model.weights_in(tmp_path)


def test_missing_weights_say_how_to_get_them(tmp_path: Path) -> None:
    """The program ends with a message that names the command, not a traceback."""
    ended = subprocess.run(
        [sys.executable, "-m", small_model.__name__, "--weights", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "make model" in ended.stderr
    assert "Traceback" not in ended.stderr
