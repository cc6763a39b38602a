"""One, two and four gateway processes on PostgreSQL under one limit or budget: are they shared, and exact?"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from bench.scale import estate
from bench.scale.snapshot import key
from roadworthy import main as application
from roadworthy.gateway import access
from roadworthy.testing import postgres
from roadworthy.testing.fake_provider import FakeProvider

CALLERS = 16
CALL_NANO = 11 * 150 + 7 * 600
"""What a call of the fake provider costs, in billionths of a dollar."""


class Gateway:
    """A fleet of processes, started as an operator starts it."""

    def __init__(self, directory: Path, url: str, processes: int) -> None:
        environment = {**os.environ, "ROADWORTHY_DATABASE_URL": url}
        command = [sys.executable, "-m", "roadworthy", "gateway", "--data", str(directory), "--port", "0"]
        self.process = subprocess.Popen(
            [*command, "--processes", str(processes)], stdout=subprocess.PIPE, text=True, env=environment
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline().rpartition(":")[2])

    def stop(self) -> None:
        """Stop it as an operator stops it."""
        self.process.terminate()
        self.process.wait(60)


def load(port: int, seconds: float) -> tuple[Counter[int], float]:
    """Call over some connections until the time is over; return how often each status came."""
    body = json.dumps({"model": "small", "max_tokens": 16, "messages": [{"role": "user", "content": "hi"}]})
    headers = {"authorization": f"Bearer {key(0)}", "content-type": "application/json"}
    statuses: Counter[int] = Counter()
    until = time.monotonic() + seconds

    def call() -> None:
        own: Counter[int] = Counter()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        while time.monotonic() < until:
            connection.request("POST", "/v1/chat/completions", body, headers)
            answer = connection.getresponse()
            answer.read()
            own[answer.status] += 1
        connection.close()
        statuses.update(own)

    callers = [threading.Thread(target=call) for _ in range(CALLERS)]
    began = time.monotonic()
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    return statuses, time.monotonic() - began


def declared(what: str, calls: int) -> tuple[str, str, dict[str, object]]:
    """Return what so many calls use up."""
    if what == "limit":
        return ("Limit", "each-day", {"title": "A day's calls", "per": "day", "requests": calls})
    amount = round(calls * CALL_NANO / 1e9, 6)
    money = {"title": "All there is", "owner": "fay", "amount": amount, "currency": "USD", "period": "total"}
    return ("Budget", "all", dict(money))


def run(processes: int, *, what: str, calls: int, seconds: float) -> dict[str, object]:
    """Fill a new database, start the processes, and use the limit or the budget up."""
    with (
        tempfile.TemporaryDirectory(prefix="roadworthy-scale-") as directory,
        postgres.temporary_server() as server,
        postgres.new_database(server) as url,
        FakeProvider() as provider,
    ):
        plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
        settings = application.read_settings({"ROADWORTHY_DATABASE_URL": plain}, data_dir=directory)
        installation = application.open_installation(settings)
        port = int(provider.url.rpartition(":")[2].partition("/")[0])
        more = (declared(what, calls),)
        estate.fill(
            installation.database, keys=4, cases=1, model_port=port, upstream_model="ok", more=more,
            key_hash=lambda text: access.hash_key(installation.pepper, text), key=key,
        )  # fmt: skip
        gateway = Gateway(Path(directory), plain, processes)
        try:
            statuses, took = load(gateway.port, seconds)
        finally:
            gateway.stop()
        installation.database.close()
    return {
        "processes": processes,
        what: calls,
        "answered": statuses[200],
        "refused": statuses[429],
        "other": sum(statuses.values()) - statuses[200] - statuses[429],
        "beyond": max(0, statuses[200] - calls),
        "calls_per_s": round(sum(statuses.values()) / took),
    }


def main() -> None:
    """Print one line of JSON for each number of processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--what", choices=("limit", "budget"), default="limit")
    parser.add_argument("--calls", type=int, default=2000, help="how many it lasts for")
    parser.add_argument("--seconds", type=float, default=15)
    options = parser.parse_args()
    for processes in options.processes:
        print(
            json.dumps(run(processes, what=options.what, calls=options.calls, seconds=options.seconds)),
            flush=True,
        )


if __name__ == "__main__":
    main()
