"""The small model's program checks its weights and leaves cleanly."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from roadworthy.entrypoints import small_model
from roadworthy.testing.shared_process import shared_process


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


def _listener(tmp_path: Path) -> Callable[[int], Sequence[str]]:
    program = tmp_path / "listener.py"
    program.write_text(
        "import os, signal\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})\n"
        "print('READY', os.getpid(), flush=True)\n"
        "signal.sigwait({signal.SIGTERM})\n"
    )
    return lambda _run: [sys.executable, str(program)]


def test_a_shared_process_starts_once_and_ends_with_its_last_user(tmp_path: Path) -> None:
    """Two holders get the same process; it is gone when both have let go."""
    command = _listener(tmp_path)
    with (
        shared_process("listener", directory=tmp_path, command=command) as first,
        shared_process("listener", directory=tmp_path, command=command) as second,
    ):
        assert first == second
    deadline = time.monotonic() + 5
    while Path(f"/proc/{first}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path(f"/proc/{first}").exists()
    assert not (tmp_path / "listener.json").exists()
