"""Pure: what this slice needs to know of kinds that slices above declare. For reading only."""

from __future__ import annotations

from pydantic import ConfigDict

from roadworthy.registry.kinds import Kind, Name, Spec


class ProviderHome(Spec):
    """A provider: that it is declared."""

    model_config = ConfigDict(extra="ignore")


class ModelHome(Spec):
    """A model: who serves it."""

    model_config = ConfigDict(extra="ignore")

    provider: Name


class RouteHome(Spec):
    """A route: where it leads."""

    model_config = ConfigDict(extra="ignore")

    targets: tuple[Name, ...]


# The slice `models` plugs in the kinds that people declare.
PROVIDER = Kind("Provider", ProviderHome, "Who serves models.")
MODEL = Kind("Model", ModelHome, "An approved model at a provider.")
ROUTE = Kind("Route", RouteHome, "A name that applications call.")
