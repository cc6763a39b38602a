"""Pure: what a declared kind is: a frozen spec, its names, and the references inside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from roadworthy.foundation.errors import NotFoundError

API_VERSION = "roadworthy/v1"
NAME_PATTERN = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
ROOT_NAMESPACE = "organization"

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""1 to 63 lower-case letters, digits and hyphens, starting and ending with a letter or digit."""

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
"""Prose of up to 4,000 characters."""

Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
"""One line of up to 120 characters."""


@dataclass(frozen=True, slots=True)
class Ref:
    """Marks a field whose value is the name of a resource of this kind: `Annotated[Name, Ref("Outcome")]`."""

    kind: str


@dataclass(frozen=True, slots=True)
class Fix:
    """What to do when this field is missing or refused, in words for the person who declares it."""

    text: str


class Spec(BaseModel):
    """What people say should be. Frozen; unknown fields are refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        ser_json_inf_nan="strings",
        use_attribute_docstrings=True,  # what a field means stands under it, for people and for the schema
    )


class Metadata(BaseModel):
    """What every resource is called and who administers it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)

    name: Name
    namespace: Name = ROOT_NAMESPACE
    """The unit that owns and administers the resource."""
    labels: dict[Name, Annotated[str, StringConstraints(max_length=63)]] = Field(default_factory=dict)
    """For people to select by."""
    annotations: dict[str, Annotated[str, StringConstraints(max_length=2000)]] = Field(default_factory=dict)
    """For tools to keep their notes in."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A declared kind: one class and this line give it API, CLI, pages, history, audit and JSON Schema."""

    name: str
    spec: type[Spec]
    summary: str
    order: int = 100
    """Place in an export or a plan: what others refer to comes first."""
    enforcement: bool = True
    """Whether a change can alter what gateways enforce."""
    personal: bool = False
    """Whether the document is about a person, and may have to be erased."""
    built_in: tuple[str, ...] = ()
    """Names that are there without being declared; they belong to the organization."""

    @property
    def slug(self) -> str:
        """`UseCase` -> `use-case`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "-", self.name).lower()

    @property
    def title(self) -> str:
        """`UseCase` -> `Use case`."""
        return self.slug.replace("-", " ").capitalize()


class Catalogue:
    """Every declared kind the installed slices define."""

    def __init__(self, kinds: tuple[Kind, ...]) -> None:
        self._kinds = {kind.name: kind for kind in sorted(kinds, key=lambda kind: (kind.order, kind.name))}
        self._slugs = {kind.slug: kind for kind in self._kinds.values()}
        assert len(self._slugs) == len(kinds), "two kinds share a name"

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._kinds.values())

    def find(self, name: str) -> Kind | None:
        """Return the kind called `UseCase`, `use-case` or `use-cases`, or None."""
        slug = name.lower().removesuffix("s") if name.lower() not in self._slugs else name.lower()
        return self._kinds.get(name) or self._slugs.get(slug)

    def get(self, name: str) -> Kind:
        """Return the kind, or say which kinds there are."""
        kind = self.find(name)
        if kind is None:
            raise NotFoundError(
                f"There is no kind called `{name[:80]}`.",
                fix=f"The kinds are: {', '.join(kind.slug for kind in self)}.",
            )
        return kind

    def schema(self, kind: Kind) -> dict[str, Any]:
        """Return the JSON Schema of a whole manifest of this kind."""
        spec = kind.spec.model_json_schema(ref_template="#/$defs/{model}")
        metadata = Metadata.model_json_schema(ref_template="#/$defs/{model}")
        definitions = {**spec.pop("$defs", {}), **metadata.pop("$defs", {})}
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": kind.name,
            "description": kind.summary,
            "type": "object",
            "additionalProperties": False,
            "required": ["apiVersion", "kind", "metadata", "spec"],
            "properties": {
                "apiVersion": {"const": API_VERSION},
                "kind": {"const": kind.name},
                "metadata": metadata,
                "spec": spec,
            },
            "$defs": definitions,
        }


def fix_of(model: type[BaseModel], location: tuple[int | str, ...]) -> str:
    """Return the advice that a field, or the nearest field around it, was declared with."""
    found, annotation = "", model  # type: str, Any
    for part in location:
        inside = _model_in(annotation)
        if inside is None or not isinstance(part, str):
            continue
        field = next((one for name, one in inside.model_fields.items() if part in {name, one.alias}), None)
        if field is None:
            break
        found = next((item.text for item in field.metadata if isinstance(item, Fix)), found)
        annotation = field.annotation
    return found


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_model_in(one) for one in getattr(annotation, "__args__", ()))
    return next((one for one in inner if one is not None), None)


def references(spec: BaseModel, prefix: str = "spec") -> Iterator[tuple[str, str, str]]:
    """Yield (field path, kind, name) for every reference a spec makes."""
    for name, field in type(spec).model_fields.items():
        value = getattr(spec, name)
        yield from _walk(value, _ref_of(field.metadata, field.annotation), f"{prefix}.{name}")


def _ref_of(metadata: list[Any], annotation: Any) -> Ref | None:
    for item in metadata:
        if isinstance(item, Ref):
            return item
    # `Annotated` inside a container or a union: tuple[Annotated[Name, Ref("Model")], ...]
    for inner in getattr(annotation, "__args__", ()):
        for item in getattr(inner, "__metadata__", ()):
            if isinstance(item, Ref):
                return item
        if (found := _ref_of([], inner)) is not None:
            return found
    return None


def _walk(value: Any, ref: Ref | None, path: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(value, BaseModel):
        yield from references(value, path)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _walk(item, ref, f"{path}.{key}")
    elif isinstance(value, tuple | list):
        for position, item in enumerate(value):
            yield from _walk(item, ref, f"{path}[{position}]")
    # The organization is the root above all units; nobody declares it, so nothing refers to it.
    elif isinstance(value, str) and ref is not None and (ref.kind, value) != ("Unit", ROOT_NAMESPACE):
        yield path, ref.kind, value
