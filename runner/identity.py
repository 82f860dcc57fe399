"""The client order id: how an order of this house is recognised, and sent at most once.

Pure on purpose: the machine derives the id before anything is sent, and a resumed or replayed run
derives the same one again. A transport retry therefore repeats the id, and the broker refuses the
second copy; a deliberate new attempt counts `attempt` up and gets an id of its own.
"""

from __future__ import annotations

import base64
import hashlib
import re

MAX_LENGTH = 48
"""Characters. Alpaca allows 128; 48 is what the narrowest broker gateways carry unchanged."""

PREFIX = "rb-"
"""How every client order id of a runbook begins."""

_TAG_LENGTH = 16
_DIGEST_LENGTH = 20  # base32 characters of five bits: 100 bits


def client_order_id(run_id: str, step_path: str, attempt: int) -> str:
    """The client order id of one attempt of one step of one run.

    `step_path` is the step's full path, iterations included, such as
    `steps[2].for_each[1].steps[0]`. The answer, such as `rb-k3v7…-4q2x…`, has at most
    48 characters of `[A-Za-z0-9-]`: the prefix, the end of the run id, by which a person finds the
    run, and 100 bits of the SHA-256 of all three arguments, which make it unique.
    """
    identity = f"{run_id}\0{step_path}\0{attempt}".encode()
    digest = base64.b32encode(hashlib.sha256(identity).digest()).decode().lower()
    return f"{run_prefix(run_id)}{digest[:_DIGEST_LENGTH]}"


def run_prefix(run_id: str) -> str:
    """What the client order ids of a run begin with, such as `rb-k3v7…-`.

    It narrows a search. It does not prove that an order belongs to the run: only an id that the
    run's log names does.
    """
    tag = re.sub(r"[^A-Za-z0-9]", "", run_id)[-_TAG_LENGTH:]
    return f"{PREFIX}{tag}-"
