"""The page of guards, written from the same declarations that judge orders.

`python -m runner.report.guards` prints `docs/guards.md`; a test fails when the page differs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from runner.guards import GUARDS, Guard
from runner.language.declare import declared_fields
from runner.language.runbook import Limits

INTRODUCTION = """\
# Guards

Written from the declarations in `runner/guards`; `python -m runner.report.guards` writes it again.

Before every order the machine reads the world once (account, positions, open orders, quote, asset,
clock) and asks every guard about the order as it is about to leave. For an order that may open risk
it also reads the account's configuration, what other runs of the log directory have sent and, where
the quote is no measure, the last trade or the previous close. The first refusal ends the step with
exit 4 and nothing sent. Each verdict is in the log with the values it was made from. `runbook
drill` shows each guard refuse an order that is known to be bad.

**Reducing risk is never trapped.** An order that can only make a position smaller (the opposite
side, at most the shares that are free, by the broker's reading and by this run's own fills) is
exempt from every guard that is not marked "reducing too", and the log says `exempt: reducing`.

**What is unknown refuses** an order that opens risk: a missing flag, a missing price, a log of
today that cannot be read. It does not stop one that reduces.

**A limit refuses; it never changes an order.** A market order is never turned into a limit order
behind your back.

**Who sets what.** A limit stands in the owner's policy, for every run, or in a runbook's `limits`,
which may only be tighter. Where neither says anything the default below holds. A default that is a
ceiling (orders, orders a minute, dollars an order, a run and a day) is raised by a policy alone. A
guard is turned off by a policy alone, with a reason, and the log says so.
"""

PRICES = """\
## What an order is measured by

The price collar, the distance of stops and `marketable_limit` orders use one reference price:

1. The quote, the side that the order would take, while it is fresh and its spread lies within the
   collar. Fresh is 10 seconds on SIP; 60 on IEX, for options and for crypto; 10 on a feed that is
   not known.
2. The last trade, if it is at most a minute old.
3. For a limit beside a fresh quote that is too wide, the cautious side of it: a buy is measured
   from the bid, a sale from the ask.

An order for an auction (`opg`, `cls`) is measured by the previous close alone. While the market is
closed an order waits for the open: it is measured by what was seen last, however old, in the order
quote, trade, previous close, and the age is in the verdict. An `extended_hours` order needs a fresh
price from 4:00 to 20:00 in New York on weekdays; at night it counts as one that waits, because no
feed that is read has quotes then. Crypto is never closed. Without a reference nothing is sent.

A market order has no price of its own. It is measured by the quote that it would take, as last
seen; with nothing quoted on that side it is refused. What an order is worth counts, for a buy
without a limit, at the ask and 4% on top, because the broker reserves that much.
"""

WORDS = """\
## Why each is there
"""


def page(guards: Sequence[Guard]) -> str:
    """The page, as Markdown."""
    return "\n".join(_page(guards)) + "\n"


def _page(guards: Sequence[Guard]) -> Iterator[str]:
    yield INTRODUCTION
    yield "## The guards, in the order in which they are asked"
    yield ""
    yield "| guard | refuses when | default | set by |"
    yield "| --- | --- | --- | --- |"
    for guard in guards:
        refuses = guard.refuses + (" (reducing too)" if guard.always else "")
        yield f"| `{guard.code}` | {_cell(refuses)} | {_cell(guard.default)} | {_set_by(guard)} |"
    yield ""
    yield PRICES
    yield WORDS
    yield "| guard | why | source |"
    yield "| --- | --- | --- |"
    for guard in guards:
        yield f"| `{guard.code}` | {_cell(guard.reason)} | {_cell(guard.source)} |"


def _set_by(guard: Guard) -> str:
    if not guard.limit:
        return ""
    inside = guard.limit in declared_fields(Limits)
    return f"`limits.{guard.limit}`" if inside else f"`{guard.limit}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(page(GUARDS))
