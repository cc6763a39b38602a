"""The slices of an installation, put together once by `main` and handed down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from roadworthy.foundation.web.context import Call
from roadworthy.registry.kinds import Catalogue
from roadworthy.registry.slice import AdmissionCheck, EffectOf, Eraser, Slice, Verifier

SOCKET = "registry.assembly"


@dataclass(frozen=True, slots=True)
class Assembly:
    """What the slices plugged in."""

    slices: tuple[Slice, ...]
    catalogue: Catalogue
    admission: tuple[AdmissionCheck, ...]
    effects: tuple[EffectOf, ...]
    verifiers: tuple[Verifier, ...]
    erasers: tuple[Eraser, ...]
    permissions: Mapping[str, str]

    def socket(self, name: str) -> Any:
        """Return a named part that some slice plugged in."""
        for one in self.slices:
            if name in one.sockets:
                return one.sockets[name]
        raise LookupError(f"no slice fills the socket {name}")

    def plugged(self, name: str) -> tuple[Any, ...]:
        """Return every part of a name that slices plugged in, the lowest shelf first."""
        return tuple(one.sockets[name] for one in self.slices if name in one.sockets)


def assemble(slices: tuple[Slice, ...]) -> Assembly:
    """Put slices together in shelf order."""
    permissions: dict[str, str] = {}
    for one in slices:
        permissions.update(one.permissions)
    return Assembly(
        slices=slices,
        catalogue=Catalogue(tuple(kind for one in slices for kind in one.kinds)),
        admission=tuple(check for one in slices for check in one.admission),
        effects=tuple(effect for one in slices for effect in one.effects),
        verifiers=tuple(verifier for one in slices for verifier in one.verifiers),
        erasers=tuple(eraser for one in slices for eraser in one.erasers),
        permissions=permissions,
    )


def assembly_of(call: Call) -> Assembly:
    """Return the installation a request came to."""
    found = call.parts.sockets[SOCKET]
    assert isinstance(found, Assembly)
    return found
