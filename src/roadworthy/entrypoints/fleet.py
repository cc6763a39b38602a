"""Several gateway processes on one port: started, watched, started again, exchanged without a lost call.

The supervisor holds one listening socket for each process (SO_REUSEPORT: the kernel spreads connections) and
hands it down. A process that ends leaves its socket open here, with the connections that wait in it; the next
one takes them. Nothing a call needs passes through the supervisor.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

from roadworthy.entrypoints.children import STOP_SECONDS, WHILE_ALIVE
from roadworthy.foundation.errors import ConflictError

PROCESSES_MAX = 64
READY_S = 300.0
"""A first start may have a hundred thousand use cases to compile."""
BACKLOG = 1024
LASTED_S = 30.0
"""Whoever ran as long starts again at once; whoever did not waits longer each time."""
WAIT_MAX_S = 10.0


class _Worker:
    """One place in the fleet: its socket, its process now, how often it failed in a row."""

    def __init__(self, slot: int, listener: socket.socket) -> None:
        self.slot = slot
        self.listener = listener
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0
        self.failures = 0
        self.start_at = 0.0
        self.ready = False


class Fleet:
    """Runs until SIGTERM or SIGINT; SIGHUP exchanges every process for a new one, one after another."""

    def __init__(self, command: Sequence[str], *, count: int, host: str, port: int) -> None:
        self._command = list(command)
        self._host = host
        self._port = port
        self._count = count
        self._workers: list[_Worker] = []
        self._leaving: list[subprocess.Popen[bytes]] = []
        self._signals: list[int] = []

    def run(self) -> int:
        """Serve; return 0, or 1 when calls had to be cut off."""
        self._open()
        noted, note = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(note, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, lambda got, _frame: self._signals.append(got))
        try:
            for worker in self._workers:
                self._start(worker)
            for worker in self._workers:
                self._until_ready(worker)
            sys.stdout.write(f"READY http://{self._host}:{self._port}\n")
            sys.stdout.flush()
            while True:
                told, self._signals = self._signals, []
                if signal.SIGTERM in told or signal.SIGINT in told:
                    return self._stop()
                if signal.SIGHUP in told:
                    self._exchange_all()
                self._look_after()
                select.select([noted], [], [], 0.2)
                _empty(noted)
        finally:
            self._kill_all()
            signal.set_wakeup_fd(-1)
            os.close(noted)
            os.close(note)

    def _open(self) -> None:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        for slot in range(self._count):
            one = socket.socket(family, socket.SOCK_STREAM)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if slot == 0 and self._port:
                self._refuse_taken(family)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            try:
                one.bind((self._host, self._port))
            except OSError as error:
                raise self._taken(error) from error
            self._port = one.getsockname()[1]
            one.listen(BACKLOG)
            self._workers.append(_Worker(slot, one))

    def _refuse_taken(self, family: socket.AddressFamily) -> None:
        """Say that the port is taken, also by another fleet, whose sockets would let ours in among them."""
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self._host, self._port))
            except OSError as error:
                raise self._taken(error) from error

    def _taken(self, error: OSError) -> ConflictError:
        return ConflictError(
            f"The gateway cannot listen on {self._host}:{self._port}.",
            why=error.strerror or str(error),
            fix="Stop the program that holds the port, or choose another with --port.",
        )

    def _start(self, worker: _Worker) -> None:
        handed = worker.listener.fileno()
        worker.process = subprocess.Popen(
            [*self._command, "--listener", str(handed), "--slot", str(worker.slot)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            pass_fds=[handed],
            env={**os.environ, WHILE_ALIVE: str(os.getpid())},
            # A session of its own: Ctrl-C reaches us alone, and we stop them in order.
            start_new_session=True,
        )
        worker.started_at = time.monotonic()
        worker.ready = False

    def _until_ready(self, worker: _Worker) -> bool:
        """Wait for `READY`; False when the process ended, took too long, or we are told to stop."""
        process = worker.process
        assert process is not None
        assert process.stdout is not None
        until = time.monotonic() + READY_S
        while time.monotonic() < until and not {signal.SIGTERM, signal.SIGINT} & set(self._signals):
            readable, _, _ = select.select([process.stdout], [], [], 0.2)
            if readable:
                worker.ready = process.stdout.readline().startswith(b"READY")
                return worker.ready
        return False

    def _look_after(self) -> None:
        """Start again what ended, after a while that grows while it keeps ending."""
        now = time.monotonic()
        self._leaving = [one for one in self._leaving if one.poll() is None]
        for worker in self._workers:
            process = worker.process
            if process is not None and process.poll() is not None:
                if process.stdout is not None:
                    process.stdout.close()
                lasted = now - worker.started_at
                worker.failures = 0 if lasted >= LASTED_S else worker.failures + 1
                wait = 0.0 if worker.failures == 0 else min(WAIT_MAX_S, 0.1 * 2**worker.failures)
                worker.start_at = now + wait
                worker.process = None
                sys.stderr.write(
                    f"Gateway process {worker.slot} ended with {process.returncode}; "
                    f"it is started again in {wait:.1f} s.\n"
                )
            if worker.process is None and now >= worker.start_at:
                self._start(worker)

    def _exchange_all(self) -> None:
        """Put a new process beside each, on the same socket; once it is ready, the old one is told to go."""
        for worker in self._workers:
            old = worker.process
            self._start(worker)
            if self._until_ready(worker):
                if old is not None and old.poll() is None:
                    old.send_signal(signal.SIGTERM)
                    self._leaving.append(old)
                continue
            new = worker.process
            if new is not None:
                new.kill()
                new.wait()
            worker.process = old
            sys.stderr.write(
                f"The new gateway process {worker.slot} did not get ready; the old one goes on, and the "
                "exchange stops here. Repair what it wrote above, then send SIGHUP again.\n"
            )
            return

    def _stop(self) -> int:
        everyone = [*self._leaving, *(one.process for one in self._workers if one.process is not None)]
        for process in everyone:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for worker in self._workers:
            worker.listener.close()
        until = time.monotonic() + STOP_SECONDS
        while any(process.poll() is None for process in everyone) and time.monotonic() < until:
            time.sleep(0.05)
        return 0 if all(process.poll() == 0 for process in everyone) else 1

    def _kill_all(self) -> None:
        for process in [*self._leaving, *(one.process for one in self._workers if one.process is not None)]:
            if process.poll() is None:
                process.kill()
                process.wait()


def _empty(pipe: int) -> None:
    try:
        while os.read(pipe, 512):
            pass
    except BlockingIOError:
        return
