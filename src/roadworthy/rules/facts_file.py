"""Pure: a file of facts, as people write it; what is no answer is refused with what would be one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

import yaml

from roadworthy.foundation.errors import InvalidError, Issue
from roadworthy.rules.conditions import FactDefinition, Vocabulary

_LIMIT = 1_000_000


def read_facts(text: str, vocabulary: Vocabulary, *, file: str = "") -> dict[str, Any]:
    """Read a mapping of facts, YAML or JSON; `facts:` above it is taken too, and null is "not known"."""
    if len(text) > _LIMIT:
        raise InvalidError(
            f"{file or 'The file'} is longer than a million characters.", fix="Send facts only."
        )
    try:
        _check_once(yaml.compose(text, Loader=yaml.SafeLoader), file)
        document = yaml.safe_load(text)
    except RecursionError as error:
        raise InvalidError(
            f"{file or 'The text'} is nested too deeply.", fix="Write one fact on each line."
        ) from error
    except yaml.YAMLError as error:
        raise InvalidError(
            f"{file or 'The text'} is neither YAML nor JSON.",
            why=" ".join(str(error).split())[:300],
            fix="Write one fact on each line, such as `personal_data: true`.",
        ) from error
    if isinstance(document, Mapping) and set(document) == {"facts"} and document["facts"] is not None:
        document = document["facts"]
    if document is None:
        return {}
    if not isinstance(document, Mapping):
        raise InvalidError(
            f"{file or 'The text'} is no mapping of facts.",
            fix="Write one fact on each line, such as `personal_data: true`.",
        )
    issues = tuple(problems_with(document, vocabulary, file=file))
    if issues:
        count = "1 fact is" if len(issues) == 1 else f"{len(issues)} facts are"
        raise InvalidError(
            f"{count} no answer.", issues=issues, fix="`roadworthy rules facts` lists them all."
        )
    return {name: value for name, value in document.items() if value is not None}


def _check_once(node: yaml.Node | None, file: str) -> None:
    """Refuse a fact that is stated twice: YAML keeps the last, and the first would be dropped unseen."""
    if not isinstance(node, yaml.MappingNode):
        return
    seen: set[str] = set()
    for key, value in node.value:
        name = str(key.value)
        if isinstance(key, yaml.ScalarNode) and name in seen:
            line = key.start_mark.line + 1
            issue = Issue(f"`{name[:80]}` stands twice.", "Keep one of the two.", name[:80], file, line)
            raise InvalidError(
                f"{file or 'The text'} states a fact twice.", issues=(issue,), fix="Keep one of the two."
            )
        seen.add(name)
        if name == "facts":
            _check_once(value, file)


def problems_with(
    facts: Mapping[Any, Any], vocabulary: Vocabulary, *, where: str = "", file: str = ""
) -> Iterator[Issue]:
    """Name each fact that no rule asks for, and each answer that its question does not take."""
    for name, value in facts.items():
        field = f"{where}.{name}" if where else str(name)
        if name not in vocabulary.facts:
            near = get_close_matches(str(name), vocabulary.facts, n=1)
            known = f"Did you mean `{near[0]}`?" if near else f"Known: {', '.join(vocabulary.facts)}."
            yield Issue(f"No rule asks for `{name}`.", known, field, file)
        elif value is not None and (problem := vocabulary.problem_with(name, value)):
            known_fact = vocabulary.facts[name]
            yield Issue(f"`{name}` was not answered: {problem}.", advice(known_fact), field, file)


def advice(known: FactDefinition) -> str:
    """Say what would be an answer."""
    takes = {
        "bool": "true or false",
        "int": "a whole number",
        "num": "a number",
        "ord": f"one of {', '.join(known.values)}",
        "set": f"a list of {', '.join(known.values)}",
    }
    return f"{known.question} It takes {takes[known.kind]}."
