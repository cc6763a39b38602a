"""Processes that belong to this one: started, awaited, stopped together; they never outlive it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

STOP_SECONDS = 40.0
"""Longer than a gateway takes to let its calls finish."""


WHILE_ALIVE = "ROADWORTHY_WHILE_ALIVE"
"""The environment variable that names the process a child leaves with."""


class ChildError(Exception):
    """A process did not start or get ready."""

    def __init__(self, what: str, *, why: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what, self.why, self.fix = what, why, fix


def roadworthy_program(*words: str) -> list[str]:
    """Return the command that runs a part of this program in a process of its own."""
    return [sys.executable, "-m", "roadworthy", *words]


def check_port_free(port: int, *, what: str, flag: str, host: str = "127.0.0.1") -> None:
    """Say clearly that a port is taken, before anything is started."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ChildError(
                f"Port {port}, wanted for the {what}, cannot be used.",
                why=f"{error.strerror}. Another program, or an earlier run of this one, may hold it.",
                fix=f"Stop that program, or choose another port with {flag}.",
            ) from error


def alive(process: int) -> bool:
    """Say whether a process runs (one that ended and was not collected does not)."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return True
    return state != "Z"


class Children:
    """A set of processes; leaving the `with` block stops all that were not let go."""

    def __init__(self, *, log_directory: Path | None = None, detach: bool = False) -> None:
        self._log_directory = log_directory
        self._detach = detach
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._before: dict[int, Callable[..., object] | int | None] = {}

    def __enter__(self) -> Self:
        # SIGTERM has to end the `with` block as Ctrl-C does, or the children would stay.
        # Ctrl-C too is asked for by name: a shell that starts this in the background has switched it off.
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, _interrupt)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A second Ctrl-C while they stop must not leave any behind.
        ignored = signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.stop()
        signal.signal(signal.SIGINT, ignored)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def start(self, name: str, command: Sequence[str]) -> int:
        """Start a process that leaves when this one is gone; return its id."""
        log: IO[bytes] | None = None
        if self._log_directory is not None:
            self._log_directory.mkdir(parents=True, exist_ok=True)
            log = (self._log_directory / f"{name}.log").open("wb")
        try:
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT if log else None,
                env={**os.environ, WHILE_ALIVE: "" if self._detach else str(os.getpid())},
                # A session of its own: Ctrl-C reaches us alone, and we stop them in order.
                start_new_session=True,
            )
        finally:
            if log is not None:
                log.close()
        self._processes[name] = process
        return process.pid

    def log_of(self, name: str) -> str:
        """Return the end of what a process wrote."""
        if self._log_directory is None:
            return ""
        return (self._log_directory / f"{name}.log").read_text(errors="replace")[-4000:]

    def until(self, name: str, ready: Callable[[], bool], *, seconds: float) -> None:
        """Wait until a process is ready; say what it wrote when it does not get there."""
        deadline = time.monotonic() + seconds
        process = self._processes[name]
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise ChildError(
                    f"The {name} ended before it was ready (exit code {process.returncode}).",
                    why=self.log_of(name).strip(),
                    fix="Repair what it says, then start again.",
                )
            if ready():
                return
            time.sleep(0.05)
        raise ChildError(
            f"The {name} was not ready within {seconds:.0f} s.",
            why=self.log_of(name).strip(),
            fix="Look at what it wrote; a busy machine may need a second try.",
        )

    def wait(self) -> str:
        """Wait until one ends by itself and return its name; Ctrl-C and SIGTERM return an empty text."""
        try:
            while True:
                for name, process in self._processes.items():
                    if process.poll() is not None:
                        return name
                time.sleep(0.2)
        except KeyboardInterrupt:
            return ""

    def let_go(self) -> None:
        """Leave them running."""
        for process in self._processes.values():
            process.returncode = 0  # nobody waits for it here
        self._processes.clear()

    def stop(self) -> None:
        """Stop all, the last started first; kill what does not leave in time."""
        for process in reversed(self._processes.values()):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for process in reversed(self._processes.values()):
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def stop_by_id(processes: Sequence[int], *, seconds: float = STOP_SECONDS) -> None:
    """Stop processes that another run started."""
    for process in processes:
        if alive(process):
            os.kill(process, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while any(alive(process) for process in processes):
        if time.monotonic() > deadline:
            for process in processes:
                if alive(process):
                    os.kill(process, signal.SIGKILL)
            return
        time.sleep(0.05)
