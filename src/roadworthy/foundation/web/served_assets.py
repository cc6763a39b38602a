"""The files the console serves under /assets: ours, and htmx out of the package that carries it."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

FOLDER = Path(__file__).parent / "assets"
HTMX_PACKAGE = "django-js-lib-htmx"
HTMX_FILE = "js_lib_htmx/static/htmx/htmx.min.js"

_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
_COMPRESSED = {".css", ".js", ".svg"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, read once."""

    body: bytes
    gzipped: bytes | None
    media_type: str
    digest: str

    @property
    def etag(self) -> str:
        """Return the strong validator of the uncompressed body."""
        return f'"{self.digest}"'


@cache
def assets() -> dict[str, Asset]:
    """Return every asset by its path below /assets. Names come from here only, so no path can escape."""
    found = {
        str(path.relative_to(FOLDER)): path
        for path in sorted(FOLDER.rglob("*"))
        if path.is_file() and path.suffix in _MEDIA_TYPES
    }
    if (htmx := _htmx()) is not None:
        found["htmx.js"] = htmx
    return {name: _read(path) for name, path in found.items()}


def asset_url(name: str) -> str:
    """Return the address of an asset; it changes with the content, so browsers may keep it for a year."""
    return f"/assets/{name}?v={assets()[name].digest}"


def _htmx() -> Path | None:
    # The package is a Django app; its metadata finds the file without importing any of it.
    try:
        files = metadata.files(HTMX_PACKAGE) or []
    except metadata.PackageNotFoundError:
        return None
    for file in files:
        if str(file) == HTMX_FILE:
            path = Path(str(file.locate()))
            return path if path.is_file() else None
    return None


def _read(path: Path) -> Asset:
    body = path.read_bytes()
    return Asset(
        body=body,
        gzipped=gzip.compress(body, mtime=0) if path.suffix in _COMPRESSED else None,
        media_type=_MEDIA_TYPES[path.suffix],
        digest=hashlib.sha256(body).hexdigest()[:16],
    )
