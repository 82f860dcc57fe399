"""The tables that logs are exported as: runs, orders, fills, decisions, guards and effects.

The columns are a promise: a later version may add columns at the end of a table, and takes none
away. Times are UTC, RFC 3339: `started_at` is the wall's, every other the run's own clock. Money,
prices and quantities are decimals as text. docs/audit-export.md lists them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Column(NamedTuple):
    """One column. `kind`: text, number (a decimal as text, or an integer), time, flag or json."""

    name: str
    kind: str
    holds: str


_RUN = Column("run_id", "text", "the run")
_STEP = Column("step", "text", "path of the step; empty where no step asked")
_AT = Column("at", "time", "by the run's clock")
_RECORD = Column("record", "number", "`seq` of the record")
_SYMBOL = Column("symbol", "text", "empty for a multi-leg order: its legs have theirs")
_CLIENT = Column("client_order_id", "text", "the id that the run gave it; of a leg, the broker's")
_ORDER = Column("order_id", "text", "the broker's id")
_SIDE = Column("side", "text", "buy or sell")
_FILLED = Column("filled_qty", "number", "filled so far, as the broker said")
_AVERAGE = Column("filled_avg_price", "number", "average price so far, as the broker said")
_SAID = Column("verdict", "text", "what it came to")

TABLES: Mapping[str, tuple[Column, ...]] = {
    "runs": (
        _RUN,
        Column("started_at", "time", "wall time of the first record"),
        Column("name", "text", "name of the runbook"),
        Column("target", "text", "sim, paper, live or url"),
        Column("server", "text", "base URL of the target"),
        Column(
            "status", "text", "the run's status; open, empty, damaged, unreadable or missing"
        ),
        Column("exit_code", "number", "empty while the run has not finished"),
        Column("orders", "number", "orders sent, legs not counted"),
        Column("bought", "number", "dollars filled, without fees; empty when they cannot be told"),
        Column("sold", "number", "the same of sales"),
        Column("positions", "json", "what the run's fills left: `symbol`, `run_qty`, "
                                    "`protected_qty`"),
        Column("open_orders", "json", "client order ids that may be live at the run's end"),
        Column("damage", "text", "why the log cannot be believed, where that shows at its ends"),
        Column("audit_log", "text", "the file"),
    ),
    "orders": (
        _RUN,
        _STEP,
        _CLIENT,
        _ORDER,
        Column("leg_of", "text", "client order id of the order that it is a leg of"),
        Column("replaces", "text", "broker's id of the order in whose place it stands"),
        Column("replaced_by", "text", "broker's id of the order that took its place"),
        _SYMBOL,
        _SIDE,
        Column("type", "text", "market, limit, stop, stop_limit or trailing_stop"),
        Column("order_class", "text", "bracket, oco, oto or mleg; empty for a simple order"),
        Column("time_in_force", "text", "how long it works"),
        Column("qty", "number", "shares or contracts asked for"),
        Column("notional", "number", "dollars asked for"),
        Column("limit_price", "number", "dollars"),
        Column("stop_price", "number", "dollars"),
        Column("status", "text", "the broker's last word; or intended, refused, unknown, not_sent"),
        Column("reason", "text", "why it was refused, or why nobody knows"),
        _FILLED,
        _AVERAGE,
        Column("dollars", "number", "what its fills came to, without fees"),
        Column("sent_at", "time", "by the run's clock, when it was announced"),
        Column("seen_at", "time", "by the run's clock, when the last of this was told"),
    ),
    "fills": (
        _RUN,
        _RECORD,
        _AT,
        _STEP,
        _CLIENT,
        _ORDER,
        _SYMBOL,
        _SIDE,
        Column("qty", "number", "by how much the filled quantity grew"),
        Column("price", "number", "dollars a share for that much, to six places"),
        Column("dollars", "number", "what that much came to, without fees"),
        _FILLED,
        _AVERAGE,
    ),
    "decisions": (
        _RUN,
        _RECORD,
        _AT,
        _STEP,
        Column("about", "text", "what it decided: `when`, or the name of an argument"),
        Column("expression", "text", "as written in the runbook"),
        _SAID,
        Column("certainty", "text", "read, computed, estimated or unknown"),
        Column("values", "json", "each `name`, `value` and `certainty`"),
    ),
    "guards": (
        _RUN,
        _RECORD,
        _AT,
        _STEP,
        Column("guard", "text", "its code"),
        Column("verdict", "text", "pass, refuse, warn, exempt or off"),
        Column("message", "text", "in words"),
        Column("values", "json", "what it judged by"),
    ),
    "effects": (
        _RUN,
        _RECORD,
        Column("n", "number", "its number in the run"),
        _STEP,
        Column("effect", "text", "its name, such as submit or read_quote"),
        Column("writes", "flag", "whether it changes anything at the broker"),
        Column("symbol", "text", "where it names one"),
        _CLIENT,
        _ORDER,
        Column("asked", "json", "the effect as it was announced"),
        Column("asked_at", "time", "by the run's clock"),
        _AT,
        Column("status", "text", "ok, absent, refused, unavailable, unknown or not_performed; "
                                 "empty where the log holds no outcome"),
        Column("reason", "text", "why not"),
        Column("message", "text", "the broker's sentence, or ours"),
        Column("http_status", "number", "of the broker's answer"),
    ),
}  # fmt: skip
