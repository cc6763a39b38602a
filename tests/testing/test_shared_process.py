"""A process that a run shares starts once, ends with its last user, and does not outlive a killed run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from roadworthy.testing.shared_process import shared_process

GONE_SECONDS = 10.0


def _gone(process: int) -> bool:
    """Wait for a process to end; say whether it did."""
    deadline = time.monotonic() + GONE_SECONDS
    while time.monotonic() < deadline:
        stat = Path(f"/proc/{process}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.02)
    return False


def _listener(tmp_path: Path) -> Callable[[int], Sequence[str]]:
    program = tmp_path / "listener.py"
    program.write_text(
        "import os, signal, sys\n"
        "from roadworthy.foundation.lifeline import leave_with\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})\n"
        "leave_with(int(sys.argv[1]))\n"
        "print('READY', os.getpid(), flush=True)\n"
        "signal.sigwait({signal.SIGTERM})\n"
    )
    return lambda run: [sys.executable, str(program), str(run)]


def test_it_starts_once_and_ends_with_its_last_user(tmp_path: Path) -> None:
    """Two holders get the same process; it is gone when both have let go."""
    command = _listener(tmp_path)
    with (
        shared_process("listener", directory=tmp_path, command=command) as first,
        shared_process("listener", directory=tmp_path, command=command) as second,
    ):
        assert first == second
    assert _gone(int(first))
    assert not (tmp_path / "listener.json").exists()


def test_it_does_not_outlive_a_killed_run(tmp_path: Path) -> None:
    """The run is killed without a chance to clean up, and what it started leaves by itself."""
    command = _listener(tmp_path)(os.getpid())[:-1]
    run = tmp_path / "run.py"
    run.write_text(
        "import time\n"
        "from pathlib import Path\n"
        "from roadworthy.testing.shared_process import shared_process\n"
        f"with shared_process('listener', directory=Path({str(tmp_path)!r}),\n"
        f"                    command=lambda run: [*{command!r}, str(run)]) as address:\n"
        "    print(address, flush=True)\n"
        "    time.sleep(60)\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_XDIST_WORKER"}
    with subprocess.Popen(
        [sys.executable, str(run)], stdout=subprocess.PIPE, text=True, env=environment
    ) as killed:
        assert killed.stdout is not None
        listener = int(killed.stdout.readline())
        killed.send_signal(signal.SIGKILL)
    assert _gone(listener)


def test_a_program_that_does_not_start_shows_what_it_wrote(tmp_path: Path) -> None:
    """The error carries the program's own words, which is where the reason is."""
    program = tmp_path / "broken.py"
    program.write_text("raise SystemExit('no room on the road')\n")
    with (
        pytest.raises(RuntimeError, match="no room on the road"),
        shared_process("broken", directory=tmp_path, command=lambda _run: [sys.executable, str(program)]),
    ):
        pass
