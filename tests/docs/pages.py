"""The pages of the documentation and the snippets in them."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("changes/*.md")])
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_MARKED = re.compile(r"(?:^<!-- ([^\n]+) -->\n)?^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHELLS = frozenset({"sh", "bash", "console", "shell"})


@dataclass(frozen=True, slots=True)
class Snippet:
    """A block of code: where it stands, its language, and the mark above it."""

    page: str
    line: int
    language: str
    body: str
    mark: str

    @property
    def name(self) -> str:
        """Say where it stands."""
        return f"{self.page}:{self.line}"


def name_of(page: Path) -> str:
    """Return a page's path in the repository."""
    return page.relative_to(ROOT).as_posix()


def read(name: str) -> str:
    """Return the text of a page."""
    return (ROOT / name).read_text(encoding="utf-8")


def prose(page: Path) -> str:
    """Return a page without its code, where brackets mean other things."""
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", page.read_text(encoding="utf-8")))


def snippets(*languages: str, mark: str = "") -> list[Snippet]:
    """Return every snippet in these languages, or those under a mark."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for one in _MARKED.finditer(text):
            line = text[: one.start(3)].count("\n") + 1
            snippet = Snippet(name_of(page), line, one.group(2), one.group(3), one.group(1) or "")
            if snippet.language in languages and (not mark or snippet.mark == mark):
                found.append(snippet)
    return found


def commands() -> list[tuple[str, list[str]]]:
    """Return every call of `roadworthy` in a shell snippet, as words, with where it stands."""
    found = []
    for snippet in snippets(*SHELLS):
        joined = snippet.body.replace("\\\n", " ")
        for line in joined.splitlines():
            lexer = shlex.shlex(line.strip().removeprefix("$ "), posix=True, punctuation_chars="|&;<>")
            lexer.whitespace_split = True
            words: list[str] = []
            for word in [*lexer, ";"]:
                if set(word) <= set("|&;"):
                    if "roadworthy" in words[:1]:
                        found.append((f"{snippet.name} {line.strip()}", words[1:]))
                    words = []
                else:
                    words.append(word)
    return [(place, _without_files(words)) for place, words in found]


def _without_files(words: list[str]) -> list[str]:
    """Leave out where output goes and input comes from."""
    kept: list[str] = []
    for place, word in enumerate(words):
        if word not in {">", "<", ">>"} and (place == 0 or words[place - 1] not in {">", "<", ">>"}):
            kept.append(word)
    return kept
