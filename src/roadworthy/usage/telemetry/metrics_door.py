"""A gateway's own door for Prometheus: closed unless it is declared, and then not open to everybody."""

from __future__ import annotations

import hmac
import ipaddress
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from roadworthy.foundation.errors import InvalidError
from roadworthy.usage.telemetry.prometheus import CallCounters, Gauges

TYPE = "text/plain; version=0.0.4; charset=utf-8"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 16

    def __init__(self, address: tuple[str, int], counters: CallCounters, gauges: Gauges, token: str) -> None:
        super().__init__(address, _Handler)
        self.counters = counters
        self.gauges = gauges
        self.token = token


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10
    server_version = "roadworthy"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer the page to whom it is meant for; to others, that nothing is here for them."""
        if self.path != "/metrics":
            self._say(404, "The page of figures is /metrics.\n")
        elif not self._may():
            self._say(401, "Send `Authorization: Bearer` with the token of ROADWORTHY_METRICS_TOKEN_FILE.\n")
        else:
            self._say(200, self.server.counters.render(self.server.gauges()))

    def _may(self) -> bool:
        if self.server.token:
            scheme, _, sent = self.headers.get("Authorization", "").partition(" ")
            right = hmac.compare_digest(sent.strip().encode(), self.server.token.encode())
            return scheme.lower() == "bearer" and right
        return ipaddress.ip_address(self.client_address[0]).is_loopback

    def _say(self, status: int, body: str) -> None:
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", TYPE)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  as http.server has it
        """Say nothing: a scrape every few seconds is no news."""


class MetricsDoor:
    """Listens in threads of its own; without a token it answers this machine alone."""

    def __init__(self, host: str, port: int, *, counters: CallCounters, gauges: Gauges, token: str) -> None:
        if not token and not ipaddress.ip_address(host).is_loopback:
            raise InvalidError(
                f"The page of figures would be open to everybody at {host}.",
                why="ROADWORTHY_METRICS_HOST is not this machine alone, and no token is set.",
                fix="Set ROADWORTHY_METRICS_TOKEN_FILE, or leave the host at 127.0.0.1.",
            )
        self._server = _Server((host, port), counters, gauges, token)
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="metrics-door", daemon=True, kwargs={"poll_interval": 0.5}
        )

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Open the door."""
        self._thread.start()

    def stop(self) -> None:
        """Close it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
