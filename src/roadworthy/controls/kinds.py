"""Pure: what this slice needs to know of a kind that a slice above declares. For reading only."""

from __future__ import annotations

from pydantic import ConfigDict

from roadworthy.registry.kinds import Kind, Spec


class ProviderHome(Spec):
    """A provider: that it is declared, and where."""

    model_config = ConfigDict(extra="ignore")


# The slice `models` plugs in the kind that people declare.
PROVIDER_HOME = Kind("Provider", ProviderHome, "Who serves models.")
