"""A run trades only the symbols that its runbook lists, and only those that the policy allows."""

from __future__ import annotations

from msgspec.structs import replace

from runner.guards.draft import Judged, Verdict, let_pass, refuse
from runner.guards.guard import Guard

CODE = "listed_symbol"


def judge(one: Judged) -> Verdict | None:
    """Refuses a symbol that the runbook does not list, or that the policy does not allow.

    The policy's list is about what may be opened: a position that is there can be closed.
    """
    symbol = one.draft.symbol
    for whose, symbols in (
        ("the runbook's", one.bounds.symbols),
        ("the policy's", None if one.reduces else one.bounds.rules.symbols),
    ):
        if symbols is not None and symbol not in symbols:
            words = f"{symbol} is not in {whose} symbols"
            return refuse(CODE, words, symbols=", ".join(symbols))
    if one.bounds.symbols is None:
        return let_pass(CODE, "the runbook trades any symbol")
    listed = ", ".join(one.bounds.symbols)
    return let_pass(CODE, f"{symbol} is in the runbook's symbols", symbols=listed)


def known_bad(one: Judged) -> Judged:
    """The same order in a symbol that nobody lists."""
    bounds = replace(one.bounds, symbols=("NOTHING",))
    return replace(one, draft=replace(one.draft, symbol="ZZZZ"), bounds=bounds)


GUARD = Guard(
    CODE,
    judge,
    known_bad,
    refuses="the symbol is not in the runbook's `symbols`, or an order that opens risk is in one "
    "that is not in the policy's",
    default="the runbook's `symbols`; the policy's are any",
    reason="A typing mistake or a wrong parameter must not trade something else.",
    source="house rule; SEC Rule 15c3-5(c)(2)(i): only what is authorised may be traded",
    limit="symbols",
    always=True,
)
