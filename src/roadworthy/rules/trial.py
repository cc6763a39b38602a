"""Pure: a pack on trial: what stands against installing it, and fixtures that would pin its rules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import yaml
from pydantic import ValidationError

from roadworthy.foundation.errors import InvalidError
from roadworthy.rules.kinds import PolicyPack
from roadworthy.rules.overlay import own_pack, pack_problems
from roadworthy.rules.rulebook import Rulebook
from roadworthy.rules.suggest import suggest


def read_document(text: str, *, file: str) -> tuple[str, dict[str, Any]]:
    """Return a pack's name and spec; a shipped pack's file is its own spec, and names itself."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        why = " ".join(str(error).split())[:300]
        raise InvalidError(f"{file} is neither YAML nor JSON.", why=why, fix="Correct it.") from error
    if not isinstance(document, Mapping):
        raise InvalidError(f"{file} is no pack.", fix="Start from `roadworthy explain-kind policy-pack`.")
    plain: dict[str, Any] = json.loads(json.dumps(document, default=str))
    if plain.get("kind") == "PolicyPack":
        return str(plain.get("metadata", {}).get("name", "tried")), dict(plain.get("spec", {}))
    return "", plain


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
