"""Pure: what the demo says when it is ready."""

from __future__ import annotations

import shlex
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ready:
    """A demo that can be used."""

    link: str
    approver_link: str
    console: str
    gateway: str
    key: str
    data: str
    seconds: float


def told(ready: Ready, *, detached: bool) -> str:
    """Return the text: the link, the snippets, what to try, how it ends."""
    question = "Hail damage. Urgent or routine?"
    address = "" if ready.console == "http://127.0.0.1:8080" else f" --url {ready.console}"
    data = shlex.quote(ready.data)
    end = f"It keeps running. End and remove it: roadworthy demo --purge --data {data}"
    if not detached:
        end = (
            "Ctrl-C stops it; `roadworthy demo` resumes it. Remove all of it: "
            f"roadworthy demo --purge --data {data}"
        )
    return f"""\
Ready in {ready.seconds:.0f} s. Harbour Mutual is made up; the model, the calls and the decisions are real.

Console (each link works once, within 15 minutes):
  as Dana Novak, the administrator, who sees everything
    {ready.link}
  as Samuel Okoro, head of information security, whose approval is waited for
    {ready.approver_link}

A governed call:
  curl -s {ready.gateway}/v1/chat/completions \\
    -H 'Authorization: Bearer {ready.key}' -H 'Content-Type: application/json' \\
    -d '{{"model": "default", "messages": [{{"role": "user", "content": "{question}"}}]}}'

The same from Python, with the stock client:
  from openai import OpenAI
  client = OpenAI(base_url="{ready.gateway}/v1", api_key="{ready.key}")
  answer = client.chat.completions.create(
      model="default", messages=[{{"role": "user", "content": "{question}"}}])
  print(answer.choices[0].message.content)

The command line, as one of the people:
  roadworthy sign-in-link dana-novak --data {data}{address} | roadworthy sign-in
  roadworthy explain use-case/complaint-replies

The model has 135 million parameters and runs on this machine: it proves the plumbing, not quality.
{end}
"""
