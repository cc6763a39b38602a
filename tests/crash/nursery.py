"""Starts real Roadworthy processes quickly, again and again: imports once, forks for each life.

Reads `control` or `gateway` lines on standard input; answers `PID <number>`. The child runs the very
function that `roadworthy control` and `roadworthy gateway` run, and is there to be killed.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from roadworthy import main
from roadworthy.settings import Settings


def child(program: str, settings: Settings, log: str) -> None:
    """Become one of the two processes."""
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    code = 1
    try:
        run = main.run_control if program == "control" else main.run_gateway
        code = run(settings)
    finally:
        os._exit(code)


def serve(directory: Path, control_port: int, gateway_port: int) -> None:
    """Fork a process for each line, and reap what was killed."""
    settings = Settings(data_dir=directory, control_port=control_port, gateway_port=gateway_port)
    sys.stdout.write("READY\n")
    sys.stdout.flush()
    for line in sys.stdin:
        program = line.strip()
        pid = os.fork()
        if pid == 0:
            child(program, settings, str(directory / f"{program}.log"))
        sys.stdout.write(f"PID {pid}\n")
        sys.stdout.flush()
        while True:
            try:
                reaped, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if reaped == 0:
                break


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
