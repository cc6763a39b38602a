"""Write a folder of declarations for `roadworthy gateway --config`, and how the peers' bench starts it."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

from roadworthy.gateway.folder.keys import key_hash

HERE = Path(__file__).parent
EXAMPLE = HERE.parent / "examples" / "edge"
KEY = "rwk_00000007_" + "k" * 43

PROVIDER = """\
apiVersion: roadworthy/v1
kind: Provider
metadata: {{name: bench}}
spec: {{title: The bench's mock model, base_url: "http://127.0.0.1:{mock}/v1", allow_private: true}}
---
apiVersion: roadworthy/v1
kind: Model
metadata: {{name: gpt-4o-mini}}
spec:
  title: What the bench asks for
  provider: bench
  upstream_model: gpt-4o-mini
  capabilities: [chat, streaming]
  context_tokens: 128000
  max_output_tokens: 16384
  price: {{input_per_million: 0.15, output_per_million: 0.6, currency: USD, as_of: 2026-11-01}}
---
apiVersion: roadworthy/v1
kind: Route
metadata: {{name: chat}}
spec: {{title: What `make bench` asks for, targets: [gpt-4o-mini]}}
"""
QUOTAS = """\
apiVersion: roadworthy/v1
kind: Limit
metadata: {name: everybody}
spec:
  title: What every key may do, more than the bench asks for
  each: key
  per: minute
  requests: 10000000
  output_tokens: 10000000000
  concurrency: 5000
---
apiVersion: roadworthy/v1
kind: Budget
metadata: {name: claims-monthly, namespace: claims}
spec:
  title: Money that is reserved and settled for every call of the bench
  owner: ines
  amount: 10000000
  currency: USD
  period: month
  scope: {unit: claims}
  max_output_tokens: 2000
"""
EDGE = """\
apiVersion: roadworthy/v1
kind: EdgeGateway
metadata: {{name: bench}}
spec:
  vouches:
    - {{by: the bench, reason: it measures, use_cases: [claims-triage], from: 2026-11-02, until: 2027-10-31}}
  keys:
    - {{id: "00000007", hash: {hash}, service_account: claims-desk, use_case: claims-triage,
       expires_on: 2028-10-31}}
"""


def write(directory: Path, *, mock_port: int) -> Path:
    """Write the folder: the example's company, with the bench's model and the bench's key."""
    folder = directory / "config"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(EXAMPLE, folder)
    (folder / "01-models.yaml").write_text(PROVIDER.format(mock=mock_port))
    (folder / "edge.yaml").write_text(EDGE.format(hash=key_hash(KEY)))
    (folder / "quotas.yaml").write_text(QUOTAS)
    case = folder / "12-use-case.yaml"
    text = case.read_text().replace("models: [small]", "models: [gpt-4o-mini]")
    case.write_text(text.replace("routes: [default]", "routes: [chat]"))
    return folder


def command(folder: Path, *, port: int) -> list[str]:
    """Return how the gateway is started on that folder."""
    state = str(folder.parent / "state")
    start = [sys.executable, "-m", "roadworthy", "gateway", "--config", str(folder), "--data", state]
    return [*start, "--port", str(port)]


def main() -> None:
    """Write the folder, and print what the peers' bench takes as BENCH_EXTRA."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--mock-port", type=int, default=19100)
    parser.add_argument("--port", type=int, default=19130)
    options = parser.parse_args()
    options.directory.mkdir(parents=True, exist_ok=True)
    folder = write(options.directory.resolve(), mock_port=options.mock_port)
    extra = {
        "roadworthy": {
            "port": options.port,
            "argv": command(folder, port=options.port),
            "headers": {"Authorization": f"Bearer {KEY}"},
            "model": "gpt-4o-mini",
            "kind": "AI gateway (Python; key, grant, policy, metering and a durable record per request)",
        }
    }
    print(json.dumps(extra, indent=2))


if __name__ == "__main__":
    main()
