"""Which server the command line asks, and with whose token: a file only its owner can read."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

DEFAULT_URL = "http://127.0.0.1:8080"
DEFAULT_PROFILE = "default"


@dataclass(frozen=True, slots=True)
class Profile:
    """A server and a token for it."""

    url: str = DEFAULT_URL
    token: str = ""
    origin: str = "no profile"
    """Where the token comes from, for messages."""


def directory() -> Path:
    """Return the directory of the profiles."""
    named = os.environ.get("ROADWORTHY_HOME")
    return Path(named) if named else Path.home() / ".config" / "roadworthy"


def chosen(name: str = "") -> Profile:
    """Return the profile in force: environment first, then the file."""
    name = name or os.environ.get("ROADWORTHY_PROFILE", "") or DEFAULT_PROFILE
    stored = read().get(name)
    url = os.environ.get("ROADWORTHY_URL", "")
    token = os.environ.get("ROADWORTHY_TOKEN", "")
    if token:
        return Profile(url or (stored.url if stored else DEFAULT_URL), token, "ROADWORTHY_TOKEN")
    if stored is not None and (not url or url.rstrip("/") == stored.url.rstrip("/")):
        return Profile(stored.url, stored.token, f"profile {name}")
    # A token belongs to the server it came from: another address never gets it.
    return Profile(url or DEFAULT_URL)


def read() -> dict[str, Profile]:
    """Return every stored profile; an unreadable file counts as none."""
    try:
        held = json.loads((directory() / "profiles.json").read_text(encoding="utf-8"))
        return {
            str(name): Profile(str(one["url"]), str(one["token"]), f"profile {name}")
            for name, one in held["profiles"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def save(name: str, profile: Profile) -> Path:
    """Store a profile; the file is never, not for a moment, readable by others."""
    kept = {**read(), name or DEFAULT_PROFILE: profile}
    home = directory()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    body = {
        "schema_version": 1,
        "profiles": {key: {"url": one.url, "token": one.token} for key, one in sorted(kept.items())},
    }
    path, fresh = home / "profiles.json", home / f".profiles.{os.getpid()}"
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(body, stream, indent=2)
    fresh.replace(path)
    return path
