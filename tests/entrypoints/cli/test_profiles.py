"""A token goes to the server it came from, and is readable by its owner alone."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from roadworthy.entrypoints.cli import profiles
from roadworthy.entrypoints.cli.profiles import Profile


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a home of its own and no settings."""
    for name in ("URL", "TOKEN", "PROFILE"):
        monkeypatch.delenv(f"ROADWORTHY_{name}", raising=False)
    monkeypatch.setenv("ROADWORTHY_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_what_is_stored_is_private(home: Path) -> None:
    """Nobody else on the machine reads the token."""
    path = profiles.save("", Profile("https://a.example", "rwt_a"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert profiles.chosen() == Profile("https://a.example", "rwt_a", "profile default")


def test_profiles_stand_beside_each_other() -> None:
    """A second server does not replace the first."""
    profiles.save("one", Profile("https://one.example", "rwt_1"))
    profiles.save("two", Profile("https://two.example", "rwt_2"))
    assert profiles.chosen("one").token == "rwt_1"
    assert profiles.chosen("two").token == "rwt_2"
    assert profiles.chosen("three").token == ""


def test_another_address_never_gets_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """ROADWORTHY_URL alone does not carry a stored token to a server that did not issue it."""
    profiles.save("", Profile("https://a.example", "rwt_a"))
    monkeypatch.setenv("ROADWORTHY_URL", "https://evil.example")
    assert profiles.chosen() == Profile("https://evil.example", "", "no profile")
    monkeypatch.setenv("ROADWORTHY_URL", "https://a.example/")
    assert profiles.chosen().token == "rwt_a"


def test_the_environment_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipeline's token is the one in force."""
    profiles.save("", Profile("https://a.example", "rwt_a"))
    monkeypatch.setenv("ROADWORTHY_TOKEN", "rwt_env")
    assert profiles.chosen() == Profile("https://a.example", "rwt_env", "ROADWORTHY_TOKEN")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"profiles": []}', '{"profiles": {"default": {"url": 1}}}'])
def test_a_broken_file_counts_as_none(home: Path, text: str) -> None:
    """A damaged file asks for a new sign-in, it does not stop the program."""
    home.mkdir()
    (home / "profiles.json").write_text(text)
    assert profiles.chosen() == Profile()
