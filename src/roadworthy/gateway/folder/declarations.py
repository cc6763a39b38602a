"""Reads a folder of declarations: every file, every document, every reference, or every reason why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from roadworthy.foundation.errors import InvalidError, Issue, RoadworthyError
from roadworthy.gateway import kinds as gateway
from roadworthy.gateway.folder import edge_file
from roadworthy.gateway.folder.edge_file import Edge
from roadworthy.gateway.folder.watch import visible
from roadworthy.identity import kinds as identity
from roadworthy.models import kinds as models
from roadworthy.models.address import host_refusal
from roadworthy.policy import admission as policies
from roadworthy.policy import kinds as policy
from roadworthy.quota import kinds as quota
from roadworthy.registry import manifest
from roadworthy.registry.kinds import ROOT_NAMESPACE, Catalogue, Kind, references
from roadworthy.registry.manifest import Manifest
from roadworthy.registry.resource import Resource, load
from roadworthy.rules import kinds as rules
from roadworthy.use_cases import kinds as use_cases

SUFFIXES = frozenset({".yaml", ".yml", ".json"})
KINDS: tuple[Kind, ...] = (
    *use_cases.KINDS,
    *rules.KINDS,
    *models.KINDS,
    *quota.KINDS,
    *gateway.KINDS,
    *policy.KINDS,
    identity.PERSON,
    identity.SERVICE_ACCOUNT,
    identity.ROLE_BINDING,
)
"""What a folder may declare: the kinds an installation knows."""

_CATALOGUE = Catalogue(KINDS)


@dataclass(frozen=True, slots=True)
class Placed:
    """A declaration, and where it stands."""

    resource: Resource[Any]
    manifest: Manifest

    @property
    def source(self) -> str:
        """`file:line`."""
        return f"{self.manifest.file}:{self.manifest.line}"


@dataclass(frozen=True, slots=True)
class Folder:
    """All that a folder says."""

    by_kind: Mapping[str, tuple[Placed, ...]]
    edge: Edge
    edge_source: str

    def specs(self, kind: Kind) -> dict[str, Any]:
        """Return the specs of a kind by name."""
        return {one.resource.name: one.resource.spec for one in self.by_kind.get(kind.name, ())}


def read(directory: Path) -> Folder:
    """Read everything, or raise `InvalidError` with every issue found."""
    issues: list[Issue] = []
    manifests: list[Manifest] = []
    for path in visible(directory):
        if path.suffix not in SUFFIXES or not path.is_file():
            continue
        name = str(path.relative_to(directory))
        try:
            manifests += manifest.parse(path.read_bytes(), file=name)
        except RoadworthyError as error:
            issues += error.issues or [Issue(error.why or error.what, error.fix, "", name, 1)]
    edges = [one for one in manifests if _kind_of(one) == edge_file.KIND]
    placed = [one for one in manifests if _kind_of(one) != edge_file.KIND]
    by_kind = _load(placed, issues)
    edge = _edge(edges, issues)
    if not issues:
        _check(by_kind, issues)
    if issues:
        raise manifest.invalid(issues, f"{directory} was refused; what was read before stays in force.")
    return Folder(by_kind, edge, edges[0].file if edges else "")


def _kind_of(one: Manifest) -> str:
    return str(one.document.get("kind", "")) if isinstance(one.document, Mapping) else ""


def _load(manifests: list[Manifest], issues: list[Issue]) -> dict[str, tuple[Placed, ...]]:
    found: dict[tuple[str, str], Placed] = {}
    for one in manifests:
        try:
            resource = load(one.document, _CATALOGUE, file=one.file, line_of=one.line_of)
        except InvalidError as error:
            issues += error.issues or [Issue(error.what, error.fix, "", one.file, one.line)]
            continue
        key = (resource.kind, resource.name)
        if key in found:
            message = f"{resource.kind} {resource.name} stands twice, first at {found[key].source}."
            issues.append(Issue(message, "Keep one of the two.", "metadata.name", one.file, one.line))
        found[key] = Placed(resource, one)
    by_kind: dict[str, list[Placed]] = {}
    for (kind, _), placed in sorted(found.items()):
        by_kind.setdefault(kind, []).append(placed)
    return {kind: tuple(all_) for kind, all_ in by_kind.items()}


def _edge(manifests: list[Manifest], issues: list[Issue]) -> Edge:
    if len(manifests) > 1:
        where = ", ".join(f"{one.file}:{one.line}" for one in manifests)
        issues.append(
            Issue(f"There are {len(manifests)} documents of kind {edge_file.KIND}: {where}.", "Keep one.")
        )
    if not manifests:
        return Edge()  # nobody vouches and there are no keys: nothing is allowed
    one = manifests[0]
    try:
        return edge_file.read(one.document)
    except edge_file.EdgeFileError as error:
        issues.append(Issue(str(error), "Correct the document.", "spec", one.file, one.line))
        return Edge()


def _check(by_kind: Mapping[str, tuple[Placed, ...]], issues: list[Issue]) -> None:
    units = {one.resource.name: one.resource.spec.parent for one in by_kind.get("Unit", ())}
    known = {(kind, one.resource.name) for kind, all_ in by_kind.items() for one in all_}
    for all_ in by_kind.values():
        for one in all_:
            named = list(references(one.resource.spec))
            if one.resource.namespace != ROOT_NAMESPACE:
                named.append(("metadata.namespace", "Unit", one.resource.namespace))
            for path, kind, name in named:
                if (kind, name) not in known:
                    issues.append(_issue(one, f"There is no {kind} called `{name}`.", "Declare it.", path))
            if one.resource.kind == "Provider":
                _check_address(one, issues)
            if one.resource.kind == "AccessPolicy":
                issues += (
                    _issue(one, found.message, found.fix, found.field)
                    for found in policies.issues(one.resource.name, one.resource.spec, units=units)
                )


def _check_address(one: Placed, issues: list[Issue]) -> None:
    spec = one.resource.spec
    refusal = host_refusal(urlsplit(spec.base_url).hostname or "", allow_private=spec.allow_private)
    if refusal:
        message = f"The provider's address may not be used: {refusal}."
        issues.append(_issue(one, message, "If it runs there, say `allow_private: true`.", "spec.base_url"))


def _issue(one: Placed, message: str, fix: str, path: str) -> Issue:
    return Issue(message, fix, path, one.manifest.file, one.manifest.line_of(path))
