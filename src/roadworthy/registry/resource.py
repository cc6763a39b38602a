"""Pure: a resource, from an untrusted document to a frozen value and back."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from roadworthy.foundation.canonical import digest
from roadworthy.foundation.errors import InvalidError, Issue, TooLargeError
from roadworthy.registry.kinds import API_VERSION, Catalogue, Kind, Metadata, Spec, fix_of

DEPTH_MAX = 32
DOCUMENT_BYTES_MAX = 256 * 1024
INTEGER_MAX = 2**53 - 1  # beyond it JSON readers disagree about the value
S = TypeVar("S", bound=Spec)
Lines = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Resource(Generic[S]):
    """A declared resource: what it is called and what should be."""

    kind: str
    metadata: Metadata
    spec: S

    @property
    def name(self) -> str:
        """The resource's name, unique within its kind."""
        return self.metadata.name

    @property
    def namespace(self) -> str:
        """The unit that owns it."""
        return self.metadata.namespace

    def document(self) -> dict[str, Any]:
        """Return the whole document, every field written out."""
        return {
            "apiVersion": API_VERSION,
            "kind": self.kind,
            "metadata": self.metadata.model_dump(mode="json"),
            "spec": self.spec.model_dump(mode="json"),
        }

    def manifest(self) -> dict[str, Any]:
        """Return the document as a person would write it: fields at their default are left out."""
        return {
            "apiVersion": API_VERSION,
            "kind": self.kind,
            "metadata": self.metadata.model_dump(mode="json", exclude_defaults=True),
            "spec": self.spec.model_dump(mode="json", exclude_defaults=True),
        }


@dataclass(frozen=True, slots=True)
class Stored(Generic[S]):
    """A resource as the registry holds it."""

    resource: Resource[S]
    ref: str
    generation: int
    digest: str
    managed_by: str
    source: str
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str

    @property
    def spec(self) -> S:
        """The declared spec."""
        return self.resource.spec

    @property
    def name(self) -> str:
        """The resource's name."""
        return self.resource.name

    @property
    def namespace(self) -> str:
        """The unit that owns it."""
        return self.resource.namespace

    @property
    def etag(self) -> str:
        """The strong validator of this version."""
        return f'"{self.generation}-{self.digest[:16]}"'

    @property
    def declared_at(self) -> str:
        """Say where it is declared: `file:line`, or the door it was made through."""
        return self.source or self.managed_by


def ref_of(kind: Kind, name: str) -> str:
    """`use-case/claims-triage`."""
    return f"{kind.slug}/{name}"


def check_shape(value: Any, *, depth: int = 0) -> str:
    """Return what makes a JSON value unfit to store, or an empty text."""
    if depth > DEPTH_MAX:
        return f"it is nested deeper than {DEPTH_MAX} levels"
    if isinstance(value, Mapping):
        return _first(_check_key(key) or check_shape(item, depth=depth + 1) for key, item in value.items())
    if isinstance(value, list | tuple):
        return _first(check_shape(item, depth=depth + 1) for item in value)
    return _check_scalar(value)


def _first(problems: Iterable[str]) -> str:
    return next((problem for problem in problems if problem), "")


def _check_key(key: Any) -> str:
    return _check_text(key) if isinstance(key, str) else "it has a field name that is not text"


def _check_scalar(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, int):
        return "" if abs(value) <= INTEGER_MAX else "it holds a whole number beyond 2^53"
    if isinstance(value, float):
        return "" if math.isfinite(value) else "it holds a number that is not finite"
    if isinstance(value, str):
        return _check_text(value)
    return f"it holds a {type(value).__name__}, which JSON has no word for"


def _check_text(text: str) -> str:
    if "\x00" in text:
        return "it holds a NUL character"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "it holds half of a surrogate pair"
    return ""


def load(
    document: Any, catalogue: Catalogue, *, file: str = "", line_of: Lines = lambda _path: 0
) -> Resource[Spec]:
    """Validate one document; every wrong field is named with its file and line."""

    def refuse(message: str, fix: str, field: str = "") -> InvalidError:
        issue = Issue(message, fix, field, file, line_of(field))
        return InvalidError("The declaration was refused.", why=message, fix=fix, issues=[issue])

    if not isinstance(document, Mapping):
        raise refuse("A declaration is a mapping.", "Begin with `apiVersion: roadworthy/v1` and `kind:`.")
    if problem := check_shape(document):
        raise refuse(f"The document cannot be stored: {problem}.", "Correct that value.")
    if len(json.dumps(document)) > DOCUMENT_BYTES_MAX:
        raise TooLargeError(
            f"The declaration is larger than {DOCUMENT_BYTES_MAX // 1024} KiB.",
            fix="Split it, or keep long texts in files of their own.",
        )
    if unknown := sorted(set(document) - {"apiVersion", "kind", "metadata", "spec"}):
        raise refuse(
            f"Unknown field `{unknown[0]}`.",
            "The fields are apiVersion, kind, metadata and spec.",
            unknown[0],
        )
    if document.get("apiVersion") != API_VERSION:
        raise refuse("The apiVersion is not known.", f"Write `apiVersion: {API_VERSION}`.", "apiVersion")
    kind = catalogue.find(str(document.get("kind", "")))
    if kind is None or document["kind"] != kind.name:
        known = ", ".join(kind.name for kind in catalogue)
        raise refuse(f"The kind `{str(document.get('kind'))[:80]}` is not known.", f"Known: {known}.", "kind")
    issues: list[Issue] = []
    metadata = _part(
        Metadata, document.get("metadata"), "metadata", file=file, line_of=line_of, issues=issues
    )
    spec = _part(kind.spec, document.get("spec"), "spec", file=file, line_of=line_of, issues=issues)
    if issues or metadata is None or spec is None:
        name = document["metadata"].get("name") if isinstance(document.get("metadata"), Mapping) else "?"
        raise InvalidError(
            f"{kind.name} `{str(name)[:80]}` was refused.",
            why="; ".join(f"{issue.where()}: {issue.message}" for issue in issues[:3]),
            fix=issues[0].fix if issues else "",
            issues=issues,
        )
    return Resource(kind.name, metadata, spec)


P = TypeVar("P", bound=BaseModel)


def _part(
    model: type[P], value: Any, prefix: str, *, file: str, line_of: Lines, issues: list[Issue]
) -> P | None:
    if not isinstance(value, Mapping):
        issues.append(
            Issue(
                f"`{prefix}` is missing or not a mapping.", f"Add `{prefix}:`.", prefix, file, line_of(prefix)
            )
        )
        return None
    try:
        # Through JSON, so that strict mode still reads dates and tuples from what YAML and JSON can say.
        return model.model_validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        for entry in error.errors(include_url=False):
            field = prefix
            for part in entry["loc"]:
                field += f"[{part}]" if isinstance(part, int) else f".{part}"
            advice = _fix(entry, field, fix_of(model, entry["loc"]))
            issues.append(Issue(_message(entry), advice, field, file, line_of(field)))
        return None


def _message(entry: Any) -> str:
    kind, name = entry["type"], str(entry["loc"][-1]) if entry["loc"] else ""
    if kind == "missing":
        return f"`{name}` is required."
    if kind == "extra_forbidden":
        return f"There is no field `{name}` here."
    message = str(entry["msg"]).removeprefix("Value error, ")
    return message if message.endswith(".") else f"{message}."


def _fix(entry: Any, field: str, declared: str) -> str:
    if declared and entry["type"] != "extra_forbidden":
        return declared
    if entry["type"] == "missing":
        return f"Add `{field.rsplit('.', 1)[-1]}` under `{field.rsplit('.', 1)[0]}`."
    if entry["type"] == "extra_forbidden":
        return "Remove it, or correct its spelling (`roadworthy explain-kind KIND` lists the fields)."
    return f"Correct `{field}`."


def version_digest(document: Mapping[str, Any]) -> str:
    """Return the digest that names a version's content."""
    return digest(dict(document))
