"""Starts real control planes quickly, again and again: imports and assembles once, forks for each life.

Reads a line, answers `PID <number>`. The child is there to be killed.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

from fastapi import FastAPI

from roadworthy import main
from roadworthy.entrypoints.server import serve as serve_app
from roadworthy.foundation.storage import migrate
from roadworthy.settings import Settings


def child(app: FastAPI, installation: main.Installation, log: str) -> None:
    """Become the control plane: assembled before the fork, with connections of its own."""
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    code = 1
    try:
        migrate.upgrade(installation.database)
        settings = installation.settings
        code = serve_app(app, host=settings.control_host, port=settings.control_port)
    except BaseException:  # a life that ends by itself must say why
        traceback.print_exc()
        raise
    finally:
        os._exit(code)


def serve(directory: Path, control_port: int) -> None:
    """Fork a process for each line, and reap what was killed."""
    installation = main.open_installation(Settings(data_dir=directory, control_port=control_port))
    app = main.build_control(installation)
    installation.database.close()  # a connection must not be shared with a child
    sys.stdout.write("READY\n")
    sys.stdout.flush()
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            child(app, installation, str(directory / "control.log"))
        sys.stdout.write(f"PID {pid}\n")
        sys.stdout.flush()
        # Until it is gone, and its port with it: a kill takes a moment.
        os.waitpid(pid, 0)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
