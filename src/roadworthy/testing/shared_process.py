"""One process that all workers of a test run use: started by the first, stopped by the last.

Workers of pytest-xdist are processes that know nothing of each other, so the state is a file, held under
a lock. The program is told the process id of the run, so that it also leaves when the run is killed.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

READY_SECONDS = 60.0
STOP_SECONDS = 15.0


class _State(TypedDict):
    process: int
    address: str
    users: list[int]


def run_directory(base_directory: Path) -> Path:
    """Return the directory that all workers of a run share, given the base directory of one of them."""
    return base_directory.parent if "PYTEST_XDIST_WORKER" in os.environ else base_directory


def run_process() -> int:
    """Return the process id of the whole run: with pytest-xdist the workers' parent, else this process."""
    return os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def shared_process(name: str, *, directory: Path, command: Callable[[int], Sequence[str]]) -> Iterator[str]:
    """Hold a share in a process that prints `READY <address>`; give the address.

    `command` is handed the process id of the run, for the program to watch.
    """
    state_path, log_path = directory / f"{name}.json", directory / f"{name}.log"
    with _locked(directory / f"{name}.lock"):
        state = _read(state_path)
        if state is None:
            process, address = _start(command(run_process()), log_path)
            state = _State(process=process, address=address, users=[])
        state["users"].append(os.getpid())
        state_path.write_text(json.dumps(state))
    try:
        yield state["address"]
    finally:
        with _locked(directory / f"{name}.lock"):
            _release(state_path)


def _read(path: Path) -> _State | None:
    if not path.exists():
        return None
    state: _State = json.loads(path.read_text())
    return state if _alive(state["process"]) else None


def _release(path: Path) -> None:
    state = _read(path)
    if state is None:
        return
    state["users"] = [user for user in state["users"] if user != os.getpid() and _alive(user)]
    path.write_text(json.dumps(state))
    if not state["users"]:
        _stop(state["process"])
        path.unlink()


def _start(command: Sequence[str], log_path: Path) -> tuple[int, str]:
    # A group of its own: an interrupt typed at the terminal reaches the tests first, then `_release`.
    with log_path.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        for line in log_path.read_text(errors="replace").splitlines():
            if line.startswith("READY "):
                process.returncode = (
                    0  # another worker may be the one to stop it, so nobody waits for it here
                )
                return process.pid, line.removeprefix("READY ").strip()
        if process.poll() is not None:
            break
        time.sleep(0.05)
    process.kill()
    process.wait()
    raise RuntimeError(
        f"{command} did not get ready; it wrote:\n{log_path.read_text(errors='replace')[-4000:]}"
    )


def _stop(process: int) -> None:
    os.kill(process, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        if _reaped(process):
            return
        time.sleep(0.05)
    os.kill(process, signal.SIGKILL)
    sys.stderr.write(f"process {process} did not stop within {STOP_SECONDS:.0f} s and was killed\n")


def _reaped(process: int) -> bool:
    """Collect our own child if it ended; another worker's child is its parent's or init's to collect."""
    try:
        return os.waitpid(process, os.WNOHANG)[0] == process
    except ChildProcessError:
        return not _alive(process) or _is_zombie(process)


def _is_zombie(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
