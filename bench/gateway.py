"""What a governed call costs: CPU-seconds per 1,000 calls of the gateway beside nginx, in one run.

The subject runs alone on one core; the mock model and the load generator share the other. Subjects take
turns within each repetition, so that a ratio compares minutes that were alike. Read the ratios first.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from bench import edge

HERE = Path(__file__).parent
SUBJECT_CORE, LOAD_CORE = "0", "1"
KEY = edge.KEY
PROMPT = "Please summarise the following claim for the adjuster in two sentences. " * 12
BODY = {
    "model": "chat",
    "temperature": 0.2,
    "max_tokens": 256,
    "messages": [
        {"role": "system", "content": "You are a careful assistant for claims."},
        {"role": "user", "content": PROMPT},
    ],
}


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(core: str, *command: str) -> subprocess.Popen[bytes]:
    """Start a program on one core."""
    return subprocess.Popen(["taskset", "-c", core, *command], stdout=subprocess.DEVNULL)


def nginx(directory: Path, name: str, core: str, **ports: int) -> subprocess.Popen[bytes]:
    """Start nginx as the mock model or as the plain proxy."""
    text = (HERE / "nginx.conf.in").read_text().replace("@SERVER@", (HERE / f"{name}.conf.in").read_text())
    for mark, value in {
        "DIR": directory,
        "NAME": name,
        **{key.upper(): port for key, port in ports.items()},
    }.items():
        text = text.replace(f"@{mark}@", str(value))
    path = directory / f"{name}.conf"
    path.write_text(text)
    return start(core, "nginx", "-p", "/usr/share/nginx", "-c", str(path))


def cpu_s(process: subprocess.Popen[bytes]) -> float:
    """Return the CPU-seconds (user and system, all threads) that a process and its children have used."""
    used = 0
    waiting = [process.pid]
    while waiting:
        one = Path(f"/proc/{waiting.pop()}")
        fields = (one / "stat").read_text().rpartition(")")[2].split()
        used += int(fields[11]) + int(fields[12])
        for task in (one / "task").iterdir():
            waiting += [int(child) for child in (task / "children").read_text().split()]
    return used / os.sysconf("SC_CLK_TCK")


def seen(model_port: int) -> int:
    """Return how many calls the mock model has answered."""
    with urllib.request.urlopen(f"http://127.0.0.1:{model_port}/seen", timeout=5) as answer:
        return int(answer.read())


def wait_ready(port: int) -> None:
    """Wait until the subject answers a governed call."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/chat/completions",
        json.dumps(BODY).encode(),
        {"authorization": f"Bearer {KEY}", "content-type": "application/json"},
    )
    for _ in range(1200):
        try:
            with urllib.request.urlopen(request, timeout=5):  # noqa: S310  our own address
                return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nothing answers on port {port}")


def load(port: int, seconds: float, connections: int, *, stream: bool) -> dict[str, Any]:
    """Call as fast as answers come, over some connections."""
    body = json.dumps({**BODY, "stream": True} if stream else BODY)
    done = subprocess.run(
        ["taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "20s",
         "-s", str(HERE / "post.lua"), f"http://127.0.0.1:{port}/v1/chat/completions"],
        env={**os.environ, "BODY": body, "KEY": KEY}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = re.search(r"^RESULT (.*)$", done.stdout, re.MULTILINE)
    if found is None:
        sys.exit(f"wrk said nothing usable: {done.stdout}{done.stderr}")
    result: dict[str, Any] = json.loads(found[1])
    return result


def measure(
    process: subprocess.Popen[bytes], port: int, model_port: int, options: argparse.Namespace, *, stream: bool
) -> dict[str, Any]:
    """Return the CPU-seconds per 1,000 calls that really reached the model, shipping of records included."""
    load(port, 1, options.connections, stream=stream)
    time.sleep(0.8)
    calls, before = seen(model_port), cpu_s(process)
    result = load(port, options.seconds, options.connections, stream=stream)
    time.sleep(1.0)  # what is still to be made durable and shipped belongs to the calls
    calls, used = seen(model_port) - calls, cpu_s(process) - before
    return {**result, "calls": calls, "cpu_s_per_1000": 1000 * used / max(calls, 1)}


def subjects(directory: Path, model_port: int) -> dict[str, tuple[int, list[str] | None]]:
    """Name what is measured: its port and its command (nginx has its own)."""
    found: dict[str, tuple[int, list[str] | None]] = {"nginx": (free_port(), None)}
    for logging in ("metadata", "full"):
        port = free_port()
        own = directory / logging
        own.mkdir()
        command = [sys.executable, str(HERE / "subject.py"), str(own), str(port), str(model_port), logging]
        found[f"gateway, {logging} logging"] = (port, command)
    port = free_port()
    folder = edge.write(directory / "edge", mock_port=model_port)
    found["gateway, from a folder"] = (port, edge.command(folder, port=port))
    return found


def calibrate() -> float:
    """Return the CPU-seconds of a fixed loop on the subject's core: how slow the machine is just now."""
    loop = "t = time.process_time()\nx = 0\nfor i in range(2000000): x += i * i % 7\n"
    code = f"import time\n{loop}print(time.process_time() - t)"
    done = subprocess.run(
        ["taskset", "-c", SUBJECT_CORE, sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def table(results: list[dict[str, Any]], kind: str) -> list[str]:
    """Return the figures of one kind of call as a table."""
    lines = [
        f"| {kind} | CPU-s per 1,000, median (min–max) | × nginx, median (min–max) | errors |",
        "|---|---|---|---|",
    ]
    chosen = [one for one in results if one["kind"] == kind]
    floor = {one["repetition"]: one["cpu_s_per_1000"] for one in chosen if one["subject"] == "nginx"}
    for subject in dict.fromkeys(one["subject"] for one in chosen):
        own = [one for one in chosen if one["subject"] == subject]
        cost = [one["cpu_s_per_1000"] for one in own]
        ratio = [one["cpu_s_per_1000"] / floor[one["repetition"]] for one in own]
        errors = sum(one["errors"] for one in own)
        lines.append(
            f"| {subject} | {statistics.median(cost):.3f} ({min(cost):.3f}–{max(cost):.3f})"
            f" | {statistics.median(ratio):.1f} ({min(ratio):.1f}–{max(ratio):.1f}) | {errors} |"
        )
    return lines


def run(directory: Path, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure every subject once per repetition, unary calls and streams, each freshly started."""
    model_port = free_port()
    model = nginx(directory, "model", LOAD_CORE, model_port=model_port)
    results: list[dict[str, Any]] = []
    try:
        wait_ready(model_port)
        known = subjects(directory, model_port)
        for repetition in range(options.repetitions):
            for name, (port, command) in known.items():
                calibration = calibrate()
                if command is None:
                    process = nginx(directory, "proxy", SUBJECT_CORE, port=port, model_port=model_port)
                else:
                    process = start(SUBJECT_CORE, *command)
                try:
                    wait_ready(port)
                    for kind in ("unary", "stream of 50 chunks"):
                        figures = measure(process, port, model_port, options, stream=kind != "unary")
                        about = {"subject": name, "kind": kind, "repetition": repetition}
                        results.append({**about, "calibration_s": calibration, **figures})
                        print(json.dumps(results[-1]), flush=True)
                finally:
                    process.terminate()
                    process.wait(40)
    finally:
        model.terminate()
        model.wait(10)
    return results


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument(
        "--out", type=Path, help="append every single figure to this file, one JSON line each"
    )
    options = parser.parse_args()
    for program, package in {
        "nginx": "nginx libnginx-mod-http-lua",
        "wrk": "wrk",
        "taskset": "util-linux",
    }.items():
        if shutil.which(program) is None:
            sys.exit(f"{program} is missing: install Debian's {package}")
    with tempfile.TemporaryDirectory(prefix="roadworthy-bench-") as directory:
        results = run(Path(directory), options)
    if options.out is not None:
        with options.out.open("a") as out:
            out.writelines(json.dumps(one) + "\n" for one in results)
    print("\n" + "\n\n".join("\n".join(table(results, kind)) for kind in ("unary", "stream of 50 chunks")))


if __name__ == "__main__":
    main()
