"""Pure: YAML text to plain documents that remember their lines.

YAML 1.2's core scalars only (so `no` is text and 012 is twelve), no aliases, no tags, no duplicate keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml import CSafeLoader

from roadworthy.foundation.errors import InvalidError, Issue, MalformedError, TooLargeError
from roadworthy.registry.resource import DEPTH_MAX

BYTES_MAX = 1024 * 1024
DOCUMENTS_MAX = 5000
NODES_MAX = 200_000

_INTEGER = re.compile(r"[-+]?[0-9]{1,400}\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,4})?\Z")
_WORDS: dict[str, Any] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Manifest:
    """One document of a file, and where each of its fields stands."""

    document: Any
    file: str
    line: int
    lines: dict[str, int] = field(default_factory=dict)

    def line_of(self, path: str) -> int:
        """Return the line of a field, or of the nearest around it; `field:7` is line 7 of a block of text."""
        place, _, inside = path.rpartition(":")
        if inside.isdecimal() and f"{place}:1" in self.lines:
            return self.lines[f"{place}:1"] + int(inside) - 1
        while path and path not in self.lines:
            cut = max(path.rfind("."), path.rfind("["))
            path = path[:cut] if cut > 0 else ""
        return self.lines.get(path, self.line)


def parse(text: str | bytes, *, file: str) -> list[Manifest]:
    """Read every document of a YAML (or JSON) text; refuse what people or parsers read two ways."""
    raw = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    if len(raw) > BYTES_MAX:
        raise TooLargeError(
            f"{file} is larger than {BYTES_MAX // 1024} KiB.",
            fix="Split it into several files and apply a folder.",
        )
    try:
        decoded = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _malformed(file, raw[: error.start].count(b"\n") + 1, "It is not UTF-8 text.") from error
    try:
        _check_events(decoded, file)
        return list(_documents(decoded, file))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = f"It is not valid YAML: {error.problem or error.context or 'unreadable'}."
        raise _malformed(file, mark.line + 1 if mark else 1, message) from error
    except (yaml.YAMLError, ValueError) as error:
        line = getattr(error, "position", 0)
        raise _malformed(
            file, decoded[:line].count("\n") + 1, "It holds a character YAML forbids."
        ) from error


def _malformed(
    file: str, line: int, message: str, fix: str = "Correct the text at that line."
) -> MalformedError:
    return MalformedError(
        f"{file} could not be read.",
        why=f"line {line}: {message}",
        fix=fix,
        issues=[Issue(message, fix, "", file, line)],
    )


def _check_events(text: str, file: str) -> None:
    """Walk the event stream first: depth, size and aliases are refused before anything is built."""
    depth = documents = nodes = 0
    for event in yaml.parse(text, Loader=CSafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _malformed(file, line, "Anchors and aliases are not read.", "Write the value out in full.")
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            depth += 1
            nodes += 1
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            depth -= 1
        elif isinstance(event, yaml.ScalarEvent):
            nodes += 1
        if depth > DEPTH_MAX:
            raise _malformed(file, line, f"It is nested deeper than {DEPTH_MAX} levels.", "Flatten it.")
        if documents > DOCUMENTS_MAX or nodes > NODES_MAX:
            raise TooLargeError(f"{file} holds too many values.", fix="Split it into several files.")


def _documents(text: str, file: str) -> Iterator[Manifest]:
    loader = CSafeLoader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is None or (isinstance(node, yaml.ScalarNode) and node.value == ""):
                continue  # an empty document between two `---`
            lines: dict[str, int] = {}
            value = _build(node, "", lines, file)
            yield Manifest(value, file, node.start_mark.line + 1, lines)
    finally:
        loader.dispose()


def _build(node: yaml.Node, path: str, lines: dict[str, int], file: str) -> Any:
    line = node.start_mark.line + 1
    lines.setdefault(path, line)
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node, file, line)
    if node.tag not in {"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}:
        raise _malformed(file, line, f"The tag {node.tag[:60]} is not read.", "Remove the tag.")
    if isinstance(node, yaml.SequenceNode):
        return [_build(item, f"{path}[{place}]", lines, file) for place, item in enumerate(node.value)]
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key_line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise _malformed(file, key_line, "A field name must be text.")
        key = str(key_node.value)
        if key in result:
            message = f"The field `{key[:80]}` stands twice."
            raise _malformed(file, key_line, message, "Keep one of the two.")
        inner = f"{path}.{key}" if path else key
        lines[inner] = key_line
        if isinstance(value_node, yaml.ScalarNode) and value_node.style == "|":
            lines[f"{inner}:1"] = value_node.start_mark.line + 2
        result[key] = _build(value_node, inner, lines, file)
    return result


def _scalar(node: yaml.ScalarNode, file: str, line: int) -> Any:
    explicit = node.tag not in {
        f"tag:yaml.org,2002:{name}"
        for name in ("str", "int", "float", "bool", "null", "timestamp", "merge", "value")
    }
    if explicit:
        raise _malformed(file, line, f"The tag {node.tag[:60]} is not read.", "Remove the tag.")
    text = str(node.value)
    if node.style:  # quoted or a block: always text
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.match(text):
        return int(text)
    if _FLOAT.match(text):
        return float(text)
    return text


def source_text(manifests: list[tuple[str, dict[str, Any]]]) -> str:
    """Write documents as YAML that `parse` reads back to the same values; each may carry a comment line."""
    parts = []
    for comment, document in manifests:
        body = yaml.dump(
            document, Dumper=_Writer, sort_keys=False, allow_unicode=True, width=100, default_flow_style=False
        )
        parts.append(f"# {comment}\n{body}" if comment else body)
    return "---\n".join(parts)


class _Writer(yaml.SafeDumper):
    """Quotes every text that the reader would otherwise take for something else."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write every value out."""
        return True


def _write_text(writer: yaml.SafeDumper, value: str) -> yaml.Node:
    plain_is_text = not (value in _WORDS or _INTEGER.match(value) or _FLOAT.match(value))
    block = "\n" in value and not re.search(
        r"[ \t]+\n|\A\s|[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]", value
    )
    # Characters that some readers take for a line break or drop are written as escapes.
    odd = re.search(r"[\x00-\x09\x0b-\x1f\x7f-\xa0\u2028\u2029\ufeff]", value)
    style = "|" if block else (None if plain_is_text and not odd else '"')
    return writer.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Writer.add_representer(str, _write_text)


def invalid(issues: list[Issue], what: str) -> InvalidError:
    """Bundle issues of several documents into one refusal."""
    places = "; ".join(f"{issue.where()}: {issue.message}" for issue in issues[:5])
    more = f" (and {len(issues) - 5} more)" if len(issues) > 5 else ""
    return InvalidError(what, why=places + more, fix=issues[0].fix if issues else "", issues=issues)
