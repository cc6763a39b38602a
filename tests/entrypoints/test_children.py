"""Processes that belong to another leave with it, whatever way it goes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from roadworthy.entrypoints.children import ChildError, Children, alive, check_port_free, stop_by_id

# A child that watches its starter as the real ones do, and says when it is there.
CHILD = (
    "import os, sys, time\n"
    "from roadworthy.foundation.lifeline import leave_with\n"
    "process = os.environ.get('ROADWORTHY_WHILE_ALIVE')\n"
    "process and leave_with(int(process))\n"
    "print('READY', flush=True)\n"
    "time.sleep(60)\n"
)
PARENT = (
    "import sys, pathlib\n"
    "from roadworthy.entrypoints.children import Children\n"
    "with Children(log_directory=pathlib.Path(sys.argv[1])) as children:\n"
    "    ids = [children.start(name, [sys.executable, '-c', sys.argv[2]]) for name in 'ab']\n"
    "    for name in 'ab':\n"
    "        children.until(name, lambda: 'READY' in children.log_of(name), seconds=20)\n"
    "    print(*ids, flush=True)\n"
    "    print('ended', repr(children.wait()), flush=True)\n"
)


def _gone(processes: list[int], *, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(alive(process) for process in processes):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_children_leave_with_their_starter(number: signal.Signals, tmp_path: Path) -> None:
    """Ctrl-C, a stop by the system, and a kill that nothing can catch: no child outlives its starter."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path), CHILD], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        processes = [int(word) for word in parent.stdout.readline().split()]
        assert len(processes) == 2
        assert all(alive(process) for process in processes)
        parent.send_signal(number)
        parent.wait(15)  # one that nobody collected would still look alive to its children
    assert _gone(processes)


def test_a_child_that_ends_early_says_what_it_wrote(tmp_path: Path) -> None:
    """The reason is in its log, so the error carries it."""
    with Children(log_directory=tmp_path) as children:
        children.start("control", [sys.executable, "-c", "import sys; sys.exit('no disk')"])
        with pytest.raises(ChildError) as caught:
            children.until("control", lambda: False, seconds=20)
    assert "no disk" in caught.value.why
    assert "control" in caught.value.what


def test_what_is_let_go_stays_until_it_is_stopped(tmp_path: Path) -> None:
    """A detached process outlives the block, and another run can stop it."""
    with Children(log_directory=tmp_path, detach=True) as children:
        process = children.start("a", [sys.executable, "-c", CHILD])
        children.until("a", lambda: "READY" in children.log_of("a"), seconds=20)
        children.let_go()
    assert alive(process)
    stop_by_id([process])
    assert not alive(process)
    os.waitpid(process, os.WNOHANG)


def test_a_taken_port_is_named_with_its_flag() -> None:
    """The message says which port, for what, and how to choose another."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ChildError) as caught:
            check_port_free(port, what="console", flag="--control-port")
    assert str(port) in caught.value.what
    assert "--control-port" in caught.value.fix
    check_port_free(port, what="console", flag="--control-port")
