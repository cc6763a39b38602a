"""Run the public conformance suite `llm-comply` on the small model and through the gateway, case by case.

    make conformance

prints one line a case and ends with 1 when a case that the model server passes fails through the gateway.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from roadworthy.entrypoints import small_model
from tests.clients.gateway import KEY, PYTHON, ROOT, gateway, started
from tests.e2e.installation import free_port

FORMATS = ("openai-chat", "open-responses", "anthropic")
PATIENCE_S = "200"


def cases(base: str, *, key: str, model: str, form: str) -> dict[str, dict[str, Any]]:
    """Run one suite and return its results by case."""
    program = [str(PYTHON.with_name("llm-comply")), "-u", base, "-k", key, "-m", model, "--format", form]
    done = subprocess.run(
        [*program, "--json", "--timeout", PATIENCE_S], capture_output=True, text=True, check=False
    )
    return {one["id"]: one for one in json.loads(done.stdout)["results"]}


def main() -> int:
    """Run all suites; say which cases fare worse through the gateway."""
    worse = []
    with tempfile.TemporaryDirectory() as scratch:
        directory, port = Path(scratch), free_port()
        small = f"http://127.0.0.1:{port}/v1"
        weights = ROOT / small_model.DEFAULT_DIRECTORY
        # A bound on answers: the suite names none, and a model this small does not always find an end.
        serve = [sys.executable, "-m", small_model.__name__, "--weights", str(weights), "--port", str(port)]
        serve += ["--answer-tokens", "40"]
        with (
            started(serve, log=directory / "model.log", ready=f"{small}/models"),
            gateway(directory, small=small) as address,
        ):
            for form in FORMATS:
                print(f"\n{form:42}{'direct':>10}{'passed on':>12}{'translated':>12}")
                direct = cases(small, key="none", model="smollm2-135m-instruct", form=form)
                names = ("small-a", "small") if form == "anthropic" else ("small", "small-a")
                through = [cases(f"{address}/v1", key=KEY, model=name, form=form) for name in names]
                for case, found in direct.items():
                    said = [one[case]["status"] for one in through]
                    print(f"  {case:40}{found['status']:>10}{said[0]:>12}{said[1]:>12}")
                    if found["status"] == "passed" and set(said) != {"passed"}:
                        worse.append(case)
    print(f"\nworse through the gateway: {', '.join(worse) or 'none'}")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
