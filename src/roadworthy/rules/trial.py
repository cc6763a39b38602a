"""Pure: a pack on trial: what stands against installing it, and fixtures that would pin its rules."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from types import MappingProxyType
from typing import Any

import yaml
from pydantic import ValidationError

from roadworthy.foundation.errors import InvalidError, Issue
from roadworthy.rules.kinds import PolicyPack
from roadworthy.rules.overlay import overlaid, own_pack, pack_problems
from roadworthy.rules.pack_file import pack_of
from roadworthy.rules.rulebook import Rulebook
from roadworthy.rules.suggest import suggest


def read_document(text: str, *, file: str) -> tuple[str, dict[str, Any]]:
    """Return a pack's name and spec; a shipped pack's file is its own spec, and names itself."""
    try:
        document = yaml.safe_load(text)
    except RecursionError as error:
        raise InvalidError(f"{file} is nested too deeply.", fix="Flatten it.") from error
    except yaml.YAMLError as error:
        why = " ".join(str(error).split())[:300]
        raise InvalidError(f"{file} is neither YAML nor JSON.", why=why, fix="Correct it.") from error
    if not isinstance(document, Mapping):
        raise InvalidError(f"{file} is no pack.", fix="Start from `roadworthy explain-kind policy-pack`.")
    plain: dict[str, Any] = json.loads(json.dumps(document, default=str))
    if plain.get("kind") == "PolicyPack":
        return str(plain.get("metadata", {}).get("name", "tried")), dict(plain.get("spec", {}))
    return "", plain


def laid_over(
    documents: Iterable[tuple[str, Mapping[str, Any]]],
    *,
    under: Rulebook,
    own: Mapping[str, PolicyPack] = MappingProxyType({}),
) -> Rulebook:
    """Return the rules with some packs in their places, as `read_document` gives them.

    A pack of one's own stands beside those there are, or in the place of the one of its name; the file of a
    shipped pack in the place of the shipped one. What could not be installed is refused.
    """
    mine = dict(own)
    for name, document in documents:
        if "name" in document:  # the file of a shipped pack
            try:
                pack = pack_of(document, under.vocabulary)
            except ValueError as error:
                raise InvalidError("The pack cannot be read.", why=str(error)[:600], fix=_FIX) from error
            others = tuple(one for one in under.packs if one.name != pack.name)
            under = replace(under, packs=tuple(sorted((*others, pack), key=lambda one: one.name)))
            continue
        try:
            spec = PolicyPack.model_validate_json(json.dumps(document, default=str))
        except ValidationError as error:
            issues = [Issue(one["msg"], "", ".".join(map(str, one["loc"]))) for one in error.errors()]
            raise InvalidError("The pack cannot be read.", issues=issues, fix=_FIX) from error
        others_own = {key: value for key, value in mine.items() if key != name}
        if issues := [Issue(one) for one in pack_problems(name, spec, overlaid(under, others_own))]:
            raise InvalidError("The pack cannot be installed.", issues=issues, fix=_FIX)
        mine[name or "tried"] = spec
    return overlaid(under, mine)


_FIX = "`roadworthy rules check FILE` says what is wrong with it."


def try_pack(text: str, under: Rulebook, *, file: str) -> dict[str, Any]:
    """Return what is wrong with a pack of one's own, and for each rule fixtures that would pin it."""
    name, document = read_document(text, file=file)
    loose = {**document, "rules": [_with_fixture(one) for one in document.get("rules", [])]}
    try:
        spec = PolicyPack.model_validate_json(json.dumps(document))
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        return {"problems": problems, "fixtures": _fixtures(loose, under)}
    return {
        "problems": list(pack_problems(name or "tried", spec, under)),
        "fixtures": _fixtures(loose, under),
    }


def _with_fixture(rule: Any) -> Any:
    """Return a rule that can be read although nobody has written its fixtures yet."""
    return {**rule, "fixtures": [{"expect": "fires", "facts": {}}]} if isinstance(rule, dict) else rule


def _fixtures(document: dict[str, Any], under: Rulebook) -> dict[str, Any]:
    try:
        pack = own_pack("tried", PolicyPack.model_validate_json(json.dumps(document)), under.vocabulary)
    except ValueError:
        return {}
    return {
        rule.id: [
            {key: value for key, value in asdict(one).items() if key in {"expect", "facts"}}
            for one in suggest(rule, under.vocabulary)[0]
        ]
        for rule in pack.rules
    }
