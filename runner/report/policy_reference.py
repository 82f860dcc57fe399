"""The page of the owner's policy, its tables written from the declarations that it is read by.

`python -m runner.report.policy_reference` prints `docs/policy.md`; a test fails when the page
differs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping

from runner.guards import GUARDS
from runner.guards.rules import CEILINGS
from runner.language.declare import Field, declared_fields
from runner.language.document import SYMBOLS_EXPECTED, expects
from runner.language.policy_file import SECTIONS, GuardOff, PolicyKeys, limit_fields

INTRODUCTION = """\
# The policy

A policy belongs to the owner of the account. It holds for every run, on every target, whoever
wrote the runbook. `python -m runner.report.policy_reference` writes this page from the
declarations.

```yaml
# yaml-language-server: $schema=policy.schema.json
policy: 1
accounts: [123456789]           # what live runs may trade
symbols: [AAPL, MSFT, SPY]
sides: [buy]
limits:
  max_order_notional: 2000
  max_run_notional: 5000
  max_day_notional: 8000
  price_collar: 2%
guards_off:
  - guard: wash_trade
    reason: the resting orders are another strategy's, and far from the market
```

Every key but `policy` may be left out. `runbook schema policy` prints the schema, with which an
editor completes and explains the keys. A mistake is shown with its line, its column and what to
write instead, and nothing starts until it is mended (exit 3), but for a runbook that only cancels
and closes: on every target but live it goes on under the built-in rules, with a warning.

## Where it is found

1. `--policy FILE`
2. the environment variable `RUNBOOK_POLICY`
3. `$XDG_CONFIG_HOME/order-runbook/policy.yaml`, by default `~/.config/order-runbook/policy.yaml`

The first that is named holds alone; policies are not merged. A file that is named by the option or
the variable must be there. Only the last place may be empty, and then the built-in ceilings hold. A
file that everybody on the machine may write is refused: `chmod o-w` mends it.

A run says at its start which policy holds. Its log keeps the file's name and digest and the rules
that came of it, so that a replay needs no policy; account numbers are never in a log.

## What it does to a runbook

- **A runbook's `limits` may only be tighter.** One that is looser is refused before anything is
  sent, with exit 4, both values, and where the ceiling comes from. Where neither says anything,
  the guard's default holds. A default that is no ceiling may be set wider by a runbook; written
  into the policy it is a ceiling.
- **`symbols`** bounds what may be opened. A runbook that can open a position and lists another
  symbol, or `any`, is refused at once. Closing what is held is never kept back by it.
- **What provably only gets out** is held to no limit and no symbol: a runbook that only cancels and
  closes, brings a target to 0, or sends simple orders with a `position_intent` that closes.
- **`sides`** bounds what may be opened too: with `sides: [buy]` a sale may only reduce a position.
- **`allow_shorting`** is needed to sell more than is held, beside `position_intent: sell_to_open`
  in the order.
- **`allow_yes`** says whether `--yes` may answer a `confirm`. By itself it may, everywhere but on
  live. Where it may not, a run with `--yes` is refused with exit 11.
- **`guards_off`** turns a guard off, for a reason. Every run says so at its start, and in the log
  every order has a record of that guard with the verdict `off` and the reason.

`runbook validate FILE --policy POLICY` says where a runbook asks for more, and then exits with 4.

A run that is resumed keeps the rules it began with. Where today's policy forbids more than they do,
its steps do not go on, not with `--continue` either: it is cleaned up and ends. `resume --stop`
reads no policy.
"""

CODES = (
    ("PO101", "the file is not there, cannot be read, or may be written by everybody"),
    ("PO102", "a key that does not exist"),
    ("PO103", "a key that is missing"),
    ("PO104", "a value of the wrong kind or shape"),
    ("PO105", "a guard that does not exist"),
    ("PO106", "a guard that is turned off twice"),
    ("PO107", "a limit that could never be reached"),
    ("PO201", "a runbook's limit is looser than the policy's"),
    ("PO202", "a runbook's symbol is not among the policy's"),
    ("PO203", "an order opens a position on a side that the policy does not allow"),
    ("PO204", "an order sells short, and the policy does not allow that"),
)


def policy_page() -> str:
    """The page, as Markdown."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    yield INTRODUCTION
    yield from _table("Keys", ("key", "takes", ""), _keys())
    yield from _table("An entry of `guards_off`", ("key", "takes", ""), _entry())
    yield from _table("Limits", ("limit", "takes", "without it", ""), _limits())
    yield "**Bold** is a built-in ceiling; a runbook's own limit may only be tighter than it."
    yield ""
    yield from _table("Codes", ("code", "what is wrong"), CODES)
    yield "Mistakes in the YAML itself have the codes of a runbook's, RB1."


def _keys() -> Iterator[tuple[str, ...]]:
    for field in declared_fields(PolicyKeys).values():
        yield f"`{field.name}`", _takes(field), _doc(field)
    yield "`symbols`", SYMBOLS_EXPECTED, SECTIONS["symbols"]
    yield "`limits`", "keys with values", SECTIONS["limits"]


def _entry() -> Iterator[tuple[str, ...]]:
    for field in declared_fields(GuardOff).values():
        takes = "a guard's code" if field.name == "guard" else expects(field)
        yield f"`{field.name}`", takes, _doc(field)


def _limits() -> Iterator[tuple[str, ...]]:
    defaults = default_of_each_limit()
    for name, field in limit_fields().items():
        holds = defaults.get(name, "none")
        if getattr(CEILINGS, name) is not None:
            holds = f"**{holds}**"
        yield f"`{name}`", expects(field), holds, field.doc


def default_of_each_limit() -> Mapping[str, str]:
    """What holds where nobody sets a limit, in the words of the guard that judges by it."""
    return {guard.limit: guard.default for guard in GUARDS if guard.limit}


def _takes(field: Field) -> str:
    if field.of is not None:
        return "a list of entries"
    return f"{expects(field)}, or a list of them" if field.many else expects(field)


def _doc(field: Field) -> str:
    return f"**Required.** {field.doc}" if field.required else field.doc


def _table(title: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield f"| {' | '.join(columns)} |"
    yield f"| {' | '.join('---' for _ in columns)} |"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


if __name__ == "__main__":
    sys.stdout.write(policy_page())
