"""Pure: the company of the end-to-end tests, a made-up ferry line, as its people would declare it."""

from __future__ import annotations

from datetime import date, timedelta

ROLES = {
    "ana": "contributor",
    "ben": "business-approver",
    "rita": "risk-approver",
    "sam": "security-approver",
    "lea": "legal-approver",
    "pete": "platform-engineer",
    "vic": "auditor",
}
"""Who works there and what as. Ana, who declares, also holds a role that could approve."""

SIDES = {
    "business": "ben",
    "product": "ana",
    "platform": "pete",
    "security_legal": "sam",
    "operations": "vic",
}


def document(kind: str, name: str, spec: str, *, namespace: str = "ferries") -> str:
    """Return one declaration; `spec` is indented YAML."""
    return (
        f"---\napiVersion: roadworthy/v1\nkind: {kind}\n"
        f"metadata:\n  name: {name}\n  namespace: {namespace}\nspec:\n{spec.rstrip()}\n"
    )


def people() -> str:
    """Return everybody and what they may do."""
    top = "organization"
    made = [document("Unit", "ferries", "  title: Northwind Ferries", namespace=top)]
    made += [document("Person", name, f"  display_name: {name.title()}", namespace=top) for name in ROLES]
    bindings = [*ROLES.items(), ("ana", "business-approver")]
    made += [
        document(
            "RoleBinding",
            f"{name}-{role}",
            f"  subject: person/{name}\n  role: {role}\n  unit: organization",
            namespace=top,
        )
        for name, role in bindings
    ]
    return "".join(made)


def models(upstream: str) -> str:
    """Return the model's provider, two models of it and a route."""
    price = "price: {input_per_million: 2, output_per_million: 6, currency: EUR, as_of: 2026-06-01}"
    common = "provider: local\n  upstream_model: smollm2-135m-instruct\n  context_tokens: 2048"
    return "".join(
        [
            document(
                "Provider",
                "local",
                f"  title: On this machine\n  base_url: {upstream}\n  allow_private: true",
            ),
            document(
                "Model", "small", f"  title: A small model\n  {common}\n  max_output_tokens: 256\n  {price}"
            ),
            document(
                "Model", "other", f"  title: Not approved\n  {common}\n  max_output_tokens: 256\n  {price}"
            ),
            document("Route", "default", "  title: Everyday questions\n  targets: [small]"),
        ]
    )


def accounts(*, today: date) -> str:
    """Return the programs that call, one for each use case."""
    return "".join(
        document(
            "ServiceAccount",
            f"{use_case}-bot",
            f"  type: service\n  owner: pete\n  purpose: Calls for {use_case}.\n"
            f"  expires_on: {today + timedelta(days=200)}\n  use_cases: [{use_case}]",
        )
        for use_case in ("rebooking", "berth-search")
    )


def metrics() -> str:
    """Return what is measured: one for each of the layers."""
    rows = (
        ("rebooking-minutes", "business", "minutes", "decrease", "measurements", ""),
        ("handovers", "process", "steps", "decrease", "measurements", ""),
        ("wrong-refunds", "quality", "%", "decrease", "measurements", "\n  trust: true"),
        ("failed-calls", "reliability", "%", "decrease", "gateway.error_rate", ""),
        ("desk-use", "adoption", "people", "increase", "gateway.active_principals", "\n  activity: true"),
    )
    return "".join(
        document(
            "Metric",
            name,
            f"  title: {name.replace('-', ' ').capitalize()}\n  layer: {layer}\n  unit: '{unit}'\n"
            f"  direction: {direction}\n  source: {source}{more}",
        )
        for name, layer, unit, direction, source, more in rows
    )


def monday(weeks: int, *, today: date) -> date:
    """Return the Monday of this week and so many weeks from it."""
    return today - timedelta(days=today.weekday()) + timedelta(weeks=weeks)


def outcome(*, today: date, baseline: bool = True) -> str:
    """Return the outcome, if wanted as somebody writes it who did not measure first."""
    measured = (
        f"  baseline: {{value: 30, from: {monday(-52, today=today)}, to: {monday(-21, today=today)}}}\n"
        if baseline
        else ""
    )
    return document(
        "Outcome",
        "quicker-rebooking",
        f"  title: Time to rebook after a cancelled crossing\n  owner: ben\n  kind: speed\n"
        f"  metric: rebooking-minutes\n{measured}  target: {{delta: -6}}\n"
        f"  horizon: {monday(20, today=today)}\n",
    )


FACTS = """\
      jurisdictions: [IE]
      sector: [other]
      roles: [deployer]
      decision_domain: [insurance]
      decision_task: [claims_handling]
      decision_effect: substantially_replaces
      legal_or_similar_effect: false
      personal_data: true
      data_classes: [internal, pii]
      audience: [internal_employees]
      interaction: [output_only]
      minors: none
      profiling: false
      generates: [text]
      content_use: [internal]
      practices: [none]
    none: [Q9, Q18, Q20, Q21]
"""
SUMMARY = (
    "Suggests the next crossing with room for a passenger whose crossing was cancelled, with its reasons; "
    "the agent at the desk decides and books."
)


def use_case(
    name: str = "rebooking",
    *,
    today: date,
    outcome: str = "quicker-rebooking",
    title: str = "Rebook passengers of cancelled crossings",
    deputies: bool = True,
    models: str = "small",
) -> str:
    """Return the use case; with `outcome=""` as somebody writes it who forgot why."""
    named = f"  outcome: {outcome}\n" if outcome else ""
    deputy = {"ben": "rita", "ana": "pete", "pete": "vic", "sam": "lea", "vic": "pete"}
    owners = "".join(
        f"    {side}: {{owner: {owner}{f', deputy: {deputy[owner]}' if deputies else ''}}}\n"
        for side, owner in SIDES.items()
    )
    return document(
        "UseCase",
        name,
        f"  title: {title}\n  summary: {SUMMARY}\n{named}"
        f"  stage: pilot\n  bucket: customer-operations\n  security_path: standard\n  logging: full\n"
        f"  models: [{models}]\n  routes: [default]\n"
        f"  timeline:\n    - {{date: {monday(-20, today=today)}, event: launch, note: All desks}}\n"
        "  metrics:\n    - {metric: rebooking-minutes, target: 24}\n    - {metric: handovers, target: 2}\n"
        "    - {metric: wrong-refunds, target: 3}\n    - {metric: failed-calls, target: 1}\n"
        "    - {metric: desk-use}\n"
        f"  intake:\n    facts:\n{FACTS}  owners:\n{owners}",
    )


def weekly_figures(*, today: date) -> str:
    """Return a year of weeks: 30 minutes with some noise, five less since the launch."""
    lines = ["from,to,value"]
    for week in range(-52, 0):
        start = monday(week, today=today)
        noise = ((week * 37) % 11 - 5) / 5
        lines.append(f"{start},{start + timedelta(days=6)},{30 + noise - (5 if week >= -20 else 0):.1f}")
    return "\n".join(lines) + "\n"
