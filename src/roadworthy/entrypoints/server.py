"""Serves the control plane: one process, its own pool of worker threads, a stop that finishes what runs."""

from __future__ import annotations

import socket
import sys
from typing import Any

import uvicorn

from roadworthy.foundation.errors import ConflictError

BACKLOG = 512


def serve(app: Any, *, host: str, port: int) -> int:
    """Serve until told to stop; prints `READY <address>` once connections are taken."""
    try:
        listener = socket.create_server((host, port), family=_family(host), backlog=BACKLOG, reuse_port=False)
    except OSError as error:
        raise ConflictError(
            f"The control plane cannot listen on {host}:{port}.",
            why=str(error),
            fix="Stop the program that holds the port, or choose another with --control-port.",
        ) from error
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,  # a header must not choose the caller's address
        h11_max_incomplete_event_size=32 * 1024,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=20,
        limit_concurrency=1000,
    )
    server = uvicorn.Server(config)
    address = listener.getsockname()
    sys.stdout.write(f"READY http://{address[0]}:{address[1]}\n")
    sys.stdout.flush()
    server.run(sockets=[listener])
    return 0


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
