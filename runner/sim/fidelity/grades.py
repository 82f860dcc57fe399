"""How a rule of the exchange is known, and the record of one."""

from __future__ import annotations

from typing import NamedTuple

RECORDED = "recorded"
OBSERVED = "observed"
DOCUMENTED = "documented"
ASSUMED = "assumed"

GRADES = {
    RECORDED: "an answer of a real paper account was recorded and is reproduced",
    OBSERVED: "a dated measurement of the paper API by a third party, or its published error text",
    DOCUMENTED: "Alpaca's documentation, API description or a regulation says so",
    ASSUMED: "nobody could be asked; this is what we expect, and it may differ",
}


class Rule(NamedTuple):
    """One rule: where it stands in the code, what it says, how it is known, and from where."""

    id: str
    sentence: str
    grade: str
    source: str


DOCS = "docs.alpaca.markets, 2026-09"
SPEC = "Trading API description, 2026-08"
PAPER = "paper account, 2026-10"
ERRORS = "error texts of the paper API, 2026"
OPTIONS_PAGE = "Alpaca options trading page, 2026-09-16"
CHOICE = "a choice of this simulator"
