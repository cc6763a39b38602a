"""Draws Vega-Lite specifications as themed SVG or as PNG, cached by content, in a process of its own."""

import base64
import contextlib
import hashlib
import html
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import weakref
from collections import OrderedDict
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from roadworthy.foundation.chart_tokens import STAND_INS
from roadworthy.foundation.errors import InvalidError, TooLargeError, UnavailableError

SPEC_BYTES_MAX = 256 * 1024
_CACHE_FORMAT = 1
_MEMORY_ENTRIES_MAX = 256
_DISK_ENTRIES_MAX = 2000
_PRUNE_EVERY = 200
_WORKER = Path(__file__).with_name("chart_worker.py")

_COLOR = re.compile(r'="(#fe5a[0-9a-f]{2})"', re.IGNORECASE)
_SPOKEN = re.compile(r' (?:role|aria-[a-z]+|font-family|pointer-events)="[^"]*"')
_ID = re.compile(r'\bid="([^"]+)"')
_ROOT = re.compile(r"<svg\b[^>]*>")
_SIZE = re.compile(r'\bviewBox="0 0 ([\d.]+) ([\d.]+)"')
_ACTIVE = re.compile(r"<(?:script|style|foreignObject|a|image)\b|\bstyle=|\bon[a-z]+=", re.IGNORECASE)

_TOKEN_OF = {stand_in: token for token, stand_in in STAND_INS.items()}


class ChartTooLargeError(TooLargeError):
    """A chart's specification is larger than can be drawn quickly; draw fewer points."""

    code = "chart-too-large"


class ChartRefusedError(InvalidError):
    """A chart's specification is not one that may be drawn."""

    code = "chart-refused"


class ChartUnavailableError(UnavailableError):
    """The drawing program did not answer; the table beside the chart holds the same figures."""

    code = "chart-unavailable"


def _reaches_out(part: Any) -> bool:
    if isinstance(part, dict):
        return "url" in part or "href" in part or any(_reaches_out(value) for value in part.values())
    return isinstance(part, list) and any(_reaches_out(value) for value in part)


def _canonical(spec: Mapping[str, Any]) -> str:
    try:
        text = json.dumps(spec, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ChartRefusedError(
            "The chart cannot be drawn.", why=f"Its specification is not plain JSON: {error}."
        ) from error
    if len(text.encode()) > SPEC_BYTES_MAX:
        raise ChartTooLargeError(
            f"The chart's specification has {len(text.encode()):,} bytes.",
            why=f"At most {SPEC_BYTES_MAX:,} bytes are drawn.",
            fix="Choose a shorter period, or read the table.",
        )
    if _reaches_out(spec):
        raise ChartRefusedError(
            "The chart cannot be drawn.",
            why="Its specification names an address; charts hold their own data.",
        )
    return text


def _dressed(svg: str, *, title: str, description: str, identity: str) -> str:
    """Tokens for stand-ins, the page's font, unique ids, and one image to a screen reader."""
    if _ACTIVE.search(svg):
        raise ChartRefusedError("The chart cannot be shown.", why="Its drawing holds active content.")
    svg = _SPOKEN.sub("", svg)
    svg = _COLOR.sub(lambda found: f'="var(--{_TOKEN_OF[found.group(1).lower()]})"', svg)
    for name in sorted(set(_ID.findall(svg)), key=len, reverse=True):
        svg = svg.replace(f'id="{name}"', f'id="{identity}-{name}"').replace(
            f"#{name})", f"#{identity}-{name})"
        )
    size = _SIZE.search(svg)
    assert size is not None, "the renderer always states a view box"
    width, height = size.groups()
    root = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-labelledby="{identity}-title {identity}-desc">'
        f'<title id="{identity}-title">{html.escape(title)}</title>'
        f'<desc id="{identity}-desc">{html.escape(description)}</desc>'
    )
    return _ROOT.sub(lambda _: root, svg, count=1)


class ChartRenderer:
    """Draws charts one at a time in a worker process; safe to share between threads."""

    def __init__(self, cache_dir: Path | None, *, timeout_seconds: float = 20.0) -> None:
        self._cache_dir = cache_dir
        self._timeout_seconds = timeout_seconds
        self._memory: OrderedDict[str, bytes] = OrderedDict()
        self._memory_lock = threading.Lock()
        self._worker_lock = threading.Lock()
        self._worker: subprocess.Popen[str] | None = None
        self._end: weakref.finalize[[subprocess.Popen[str]], ChartRenderer] | None = None
        self._written = 0
        self._version = f"{_CACHE_FORMAT}:{version('vl-convert-python')}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def render_svg(self, spec: Mapping[str, Any], *, title: str, description: str) -> str:
        """The chart as SVG for a page that defines the tokens: real text, no style, no script."""
        text = _canonical(spec)
        key = self._key("svg", text)
        drawn = self._cached(key)
        if drawn is None:
            drawn = self._draw({"format": "svg", "spec": spec})["svg"].encode()
            self._keep(key, drawn)
        # The identity covers the words too: the same drawing may stand on a page twice, named differently.
        identity = "chart-" + hashlib.sha256(f"{key}\0{title}\0{description}".encode()).hexdigest()[:12]
        return _dressed(drawn.decode(), title=title, description=description, identity=identity)

    def render_png(self, spec: Mapping[str, Any], *, palette: Mapping[str, str], scale: float = 2.0) -> bytes:
        """The chart as a picture file in one theme's own colors, on its background."""
        text = _canonical({**spec, "background": STAND_INS["bg"]})
        for token, stand_in in STAND_INS.items():
            text = text.replace(stand_in, palette[token])
        key = self._key(f"png{scale}", text)
        drawn = self._cached(key)
        if drawn is None:
            answer = self._draw({"format": "png", "scale": scale, "spec": json.loads(text)})
            drawn = base64.b64decode(answer["png"])
            self._keep(key, drawn)
        return drawn

    def warm(self) -> None:
        """Start the worker and draw nothing much, so that the first reader does not wait for it."""
        self._draw({"format": "svg", "spec": {"data": {"values": [{}]}, "mark": "point"}})

    def close(self) -> None:
        """End the worker; drawing again starts a new one."""
        with self._worker_lock:
            self._stop()

    def _key(self, form: str, text: str) -> str:
        return hashlib.sha256(f"{self._version}\0{form}\0{text}".encode()).hexdigest()

    def _cached(self, key: str) -> bytes | None:
        with self._memory_lock:
            if (found := self._memory.get(key)) is not None:
                self._memory.move_to_end(key)
                return found
        if self._cache_dir is None:
            return None
        try:
            kept = (self._cache_dir / key).read_bytes()
        except OSError:
            return None
        # A file cut short by a full disk must not be shown for ever: its own digest stands in front.
        digest, found = kept[:32], kept[32:]
        if hashlib.sha256(found).digest() != digest:
            return None
        self._remember(key, found)
        return found

    def _remember(self, key: str, drawn: bytes) -> None:
        with self._memory_lock:
            self._memory[key] = drawn
            while len(self._memory) > _MEMORY_ENTRIES_MAX:
                self._memory.popitem(last=False)

    def _keep(self, key: str, drawn: bytes) -> None:
        self._remember(key, drawn)
        if self._cache_dir is None:
            return
        try:
            self._cache_dir.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._cache_dir, delete=False) as file:
                file.write(hashlib.sha256(drawn).digest() + drawn)
            os.replace(file.name, self._cache_dir / key)  # noqa: PTH105 — both names are on one file system
            self._written += 1
            if self._written % _PRUNE_EVERY == 0:
                self._prune(self._cache_dir)
        except OSError:
            # A cache that cannot be written costs time, not correctness.
            return

    @staticmethod
    def _prune(folder: Path) -> None:
        files = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime)
        for file in files[:-_DISK_ENTRIES_MAX]:
            file.unlink(missing_ok=True)

    def _draw(self, request: dict[str, Any]) -> dict[str, str]:
        with self._worker_lock:
            line = self._ask(json.dumps(request))
        if not line:
            raise ChartUnavailableError(
                "The chart could not be drawn.",
                why=f"The drawing program gave no answer within {self._timeout_seconds:g} seconds.",
                fix="Read the table beside it, or try again.",
            )
        answer: dict[str, str] = json.loads(line)
        if "error" in answer:
            raise ChartRefusedError("The chart could not be drawn.", why=answer["error"])
        return answer

    def _ask(self, line: str) -> str:
        worker = self._running()
        assert worker.stdin is not None
        assert worker.stdout is not None
        deadline = threading.Timer(self._timeout_seconds, worker.kill)
        deadline.start()
        try:
            worker.stdin.write(line + "\n")
            worker.stdin.flush()
            answer = worker.stdout.readline()
        except OSError:
            answer = ""
        finally:
            deadline.cancel()
        if not answer:
            self._stop()
        return answer

    def _running(self) -> subprocess.Popen[str]:
        if self._worker is None or self._worker.poll() is not None:
            self._stop()
            # The worker needs no secret of ours and must not depend on the machine's time zone.
            self._worker = subprocess.Popen(
                [sys.executable, "-I", str(_WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={"TZ": "UTC", "PATH": os.environ.get("PATH", ""), "HOME": os.environ.get("HOME", "/")},
                text=True,
                encoding="utf-8",
            )
            self._end = weakref.finalize(self, _ended, self._worker)  # also where nobody closes it
        return self._worker

    def _stop(self) -> None:
        self._worker = None
        if self._end is not None:
            self._end()


def _ended(worker: subprocess.Popen[str]) -> None:
    """End a worker that may have ended already, and close its pipes."""
    worker.kill()
    worker.wait()
    for pipe in (worker.stdin, worker.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
