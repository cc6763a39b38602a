"""Pure: what policies can speak of: the Cedar schema of a call, and what of it differs from call to call."""

from __future__ import annotations

from typing import Final

ORGANIZATION: Final = "organization"
"""The unit above all units."""

SCHEMA: Final = """
entity Unit in [Unit];
entity ServiceAccount in [Unit] = { "name": String, "unit": Unit, "type": String, "owner": String };
entity Person in [Unit] = { "name": String, "unit": Unit, "type": String, "owner": String };
entity UseCase in [Unit] = {
  "name": String, "unit": Unit, "tier": String, "data_classes": Set<String>, "keeps_texts": Bool
};
entity Provider;
entity Route;
entity Model in [Provider, Route] = {
  "name": String, "provider": Provider, "region": String, "upstream_model": String,
  "tiers": Set<String>, "data_classes": Set<String>, "currency": String,
  "trains_on_data"?: Bool, "keeps_data_days"?: Long, "context_tokens"?: Long
};
action "call" appliesTo {
  principal: [ServiceAccount, Person],
  resource: [Model],
  context: {
    "use_case": UseCase, "route"?: Route,
    "task": String, "cohort": String, "dialect": String, "stream": Bool, "tools": Set<String>,
    "hour": Long, "weekday": String, "input_tokens": Long, "output_tokens_max"?: Long
  }
};
"""
"""Tiers are `minimal`, `limited`, `high`; hours and weekdays (`monday`) are UTC; tokens of the request are
estimated from its size; an attribute with a question mark may be missing, so ask `has` first."""

OF_EACH_CALL: Final = frozenset(
    {
        "task", "cohort", "dialect", "stream", "tools",
        "hour", "weekday", "input_tokens", "output_tokens_max",
    }
)  # fmt: skip
"""Attributes of the context that are known only when the call is there."""

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
