"""Writes `schemas/plan.schema.json` from the declarations below.

    python -m runner.report.plan_schema > schemas/plan.schema.json

A test holds that the committed file is what this prints, and that plans of the whole library are
valid under it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from runner.report.plan_json import ACCOUNT, FORMAT, ORDER, POSITION

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
ANY: Schema = {}
NUMBER: Schema = {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}
DIGEST: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
MOMENT: Schema = {
    "type": "string",
    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$",
    "description": "UTC.",
}
PHASE: Schema = {"enum": ["steps", "on_failure", "finally", "safe_stop"]}
VERDICTS = ("runs", "cannot tell", "refused", "fails")


def one_of(*words: str) -> Schema:
    """One word of a closed set."""
    return {"enum": list(words)}


def maybe(schema: Schema) -> Schema:
    """The same, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def each(schema: Schema) -> Schema:
    """A list of it."""
    return {"type": "array", "items": schema}


def by_name(schema: Schema) -> Schema:
    """An object with any keys, each of which holds it."""
    return {"type": "object", "additionalProperties": schema}


def record(about: str, keys: Mapping[str, Schema]) -> Schema:
    """An object with exactly these keys; one that ends in `?` may be absent."""
    return {
        "description": about,
        "type": "object",
        "required": sorted(key for key in keys if not key.endswith("?")),
        "properties": {key.removesuffix("?"): keys[key] for key in keys},
        "additionalProperties": False,
    }


def ref(name: str) -> Schema:
    """What `$defs` holds under a name."""
    return {"$ref": f"#/$defs/{name}"}


_FLAGS = ("shorting_enabled", "trading_blocked", "account_blocked", "trade_suspended_by_user",
          "pattern_day_trader", "extended_hours")  # fmt: skip


def _of_broker(names: tuple[str, ...], **more: Schema) -> dict[str, Schema]:
    return {f"{name}?": FLAG if name in _FLAGS else TEXT for name in names} | more


DEFS: Mapping[str, Schema] = {
    "shown": record(
        "A value, how sure it is, and what an estimate rests on.",
        {
            "value": ANY,
            "certainty": one_of("read", "computed", "estimated", "unknown"),
            "basis": TEXT,
        },
    ),
    "account_after": record(
        "The account as it would be, in dollars and shares; null where it is not told.",
        {
            "cash": maybe(NUMBER),
            "buying_power": maybe(NUMBER),
            "equity": maybe(NUMBER),
            "margin_excess": maybe(NUMBER),
            "positions": each(
                record(
                    "Shares of one symbol, negative when short, and their dollars.",
                    {"symbol": TEXT, "qty": NUMBER, "value": NUMBER},
                )
            ),
            "day_trades": maybe(COUNT),
        },
    ),
    "guard": record(
        "One guard's verdict on one order.",
        {
            "guard": TEXT,
            "verdict": one_of("pass", "refuse", "exempt", "off"),
            "message": TEXT,
            "values": by_name(ANY),
        },
    ),
    "assumption": record(
        "One choice of a line.",
        {
            "step": TEXT,
            "kind": one_of("fill", "condition", "until"),
            "about": TEXT,
            "words": TEXT,
            "holds": FLAG,
            "likely": FLAG,
        },
    ),
    "step": record(
        "One step of a line.",
        {
            "path": TEXT,
            "id": TEXT,
            "name": TEXT,
            "action": TEXT,
            "phase": PHASE,
            "status": one_of("done", "failed", "skipped", "refused", "unknown"),
            "args": by_name(ref("shown")),
            "outputs": by_name(ref("shown")),
            "error": maybe({"type": "object"}),
            "after": maybe(ref("account_after")),
        },
    ),
    "order": record(
        "One write: the exact body, and what is assumed to become of it.",
        {
            "step": TEXT,
            "phase": PHASE,
            "effect": one_of("submit", "replace", "cancel"),
            "order_id": TEXT,
            "body": {"type": "object"},
            "estimates": by_name(ref("shown")),
            "symbol": TEXT,
            "side": TEXT,
            "own": FLAG,
            "notional": maybe(ref("shown")),
            "opens": FLAG,
            "guards": each(ref("guard")),
            "fate": TEXT,
            "filled_qty": maybe(NUMBER),
            "filled_avg_price": maybe(ref("shown")),
            "problem": TEXT,
            "queued_until": maybe(MOMENT),
        },
    ),
    "line": record(
        "One way that the run may go, to its end. The first is the main line.",
        {
            "name": TEXT,
            "parent": TEXT,
            "parted": maybe(ref("assumption")),
            "assumed": each(ref("assumption")),
            "steps": each(ref("step")),
            "orders": each(ref("order")),
            "refusals": each(
                record(
                    "An order that a guard refused.",
                    {"step": TEXT, "phase": PHASE, "guards": each(ref("guard"))},
                )
            ),
            "cleanup": each(COUNT) | {"description": "Which of `orders` are cleanup."},
            "begin": maybe(ref("account_after")),
            "left": maybe(ref("account_after")),
            "end": maybe(ref("account_after")),
            "ended_at": MOMENT,
            "status": TEXT,
            "exit_code": COUNT,
            "result": record(
                "What the run would report, as `run --json` does; its ids are placeholders.",
                {
                    "error": maybe({"type": "object"}),
                    "orders": each({"type": "object"}),
                    "positions": each({"type": "object"}),
                    "open_orders": each(TEXT),
                },
            ),
        },
    ),
    "order_seen": record(
        "An open order of the account.", _of_broker(ORDER, **{"legs?": each(ref("order_seen"))})
    ),
}

PLAN: Mapping[str, Schema] = {
    "plan": {"const": FORMAT, "description": "Version of the format."},
    "runbook": record(
        "The runbook, as text too.", {"name": TEXT, "file": TEXT, "sha256": DIGEST, "text": TEXT}
    ),
    "params": by_name(TEXT),
    "target": record(
        "Where the plan was made.",
        {"kind": one_of("sim", "paper", "live", "url"), "base_url": TEXT, "simulated": FLAG},
    ),
    "policy": record(
        "The owner's policy, and the rules that it and the runbook's limits make; file and digest "
        "are empty where the built-in ceilings hold.",
        {"file": TEXT, "sha256": TEXT, "rules": {"type": "object"}},
    ),
    "account": record("The broker's id of the account, never its number.", {"id": TEXT}),
    "at": maybe(MOMENT) | {"description": "The broker's time."},
    "observed": record(
        "What was read of the target.",
        {
            "account": record("Money and flags of the account.", _of_broker(ACCOUNT)),
            "positions": each(record("A position.", _of_broker(POSITION))),
            "open_orders": each(ref("order_seen")),
            "quotes": each(
                record(
                    "A quote; null for a side without interest.",
                    {
                        "symbol": TEXT,
                        "feed": TEXT,
                        "bid": maybe(NUMBER),
                        "ask": maybe(NUMBER),
                        "at": maybe(MOMENT),
                    },
                )
            ),
            "clock": record(
                "The broker's clock.", {"is_open?": FLAG, "next_open?": TEXT, "next_close?": TEXT}
            ),
        },
    ),
    "tolerance": NUMBER | {"description": "The part by which estimates were moved."},
    "lines": each(ref("line")) | {"minItems": 1},
    "not_followed": COUNT | {"description": "Forks that were left out because of the bound."},
    "totals": record(
        "Of the main line, in dollars; `notional` counts buys and sells.",
        {
            "orders": COUNT,
            "changes": COUNT,
            "cancels": COUNT,
            "notional": NUMBER,
            "opening_notional": NUMBER,
            "unpriced": COUNT | {"description": "Orders whose worth is not known."},
            "verdict": one_of(*VERDICTS),
            "reason": TEXT,
            "exit_code": COUNT,
        },
    ),
    "warnings": each(
        record(
            "Something that a person should know.",
            {"code": TEXT, "message": TEXT, "step": TEXT, "line": TEXT},
        )
    ),
    "expires?": MOMENT,
    "basis?": {"type": "object", "description": "What a saved plan rests on."},
    "data_url?": TEXT | {"description": "Of a saved plan; empty where `--data-url` was not given."},
    "scenario?": maybe(by_name(TEXT))
    | {"description": "Of a saved plan on the exchange inside: what that began with."},
    "digest?": DIGEST,
}

NO_PLAN: Mapping[str, Schema] = {
    "plan": {"type": "null"},
    "exit_code": COUNT,
    "error": record("Why.", {"message": TEXT}),
    "target": maybe(TEXT),
    "findings": each({"type": "object"}),
}


def plan_schema() -> Schema:
    """The JSON Schema (2020-12) of what `plan --json` prints and of a saved plan."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Plan of a runbook",
        "description": (
            "What `runbook plan --json` prints, and a saved plan. Numbers of money and shares are "
            "text; paths of steps are as in `run --json`."
        ),
        "anyOf": [ref("plan"), ref("no_plan")],
        "$defs": {
            "plan": record("A plan.", PLAN),
            "no_plan": record("Why no plan could be made.", NO_PLAN),
            **DEFS,
        },
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(plan_schema(), indent=2) + "\n")
