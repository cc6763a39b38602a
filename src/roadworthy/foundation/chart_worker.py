"""The program that draws: one JSON request a line on standard input, one JSON answer a line on output.

It runs in a process of its own because drawing holds the interpreter's lock for tens of milliseconds and
130 MB of memory, and because a process that hangs can be killed.
"""

import base64
import json
import os
import sys
from typing import IO, Any


def _answer(request: dict[str, Any]) -> dict[str, str]:
    import vl_convert

    try:
        if request["format"] == "png":
            image = vl_convert.vegalite_to_png(request["spec"], scale=request["scale"], allowed_base_urls=[])
            return {"png": base64.b64encode(image).decode("ascii")}
        return {"svg": vl_convert.vegalite_to_svg(request["spec"], allowed_base_urls=[])}
    except Exception as error:  # noqa: BLE001 — whatever the renderer raises is the caller's to hear
        return {"error": str(error).splitlines()[0] if str(error) else type(error).__name__}


def _serve(requests: IO[str], answers: IO[str]) -> None:
    for line in requests:
        answers.write(json.dumps(_answer(json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    # Whatever a library prints must not be taken for an answer, so standard output is moved out of its way.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as private:
        os.dup2(2, 1)
        _serve(sys.stdin, private)
