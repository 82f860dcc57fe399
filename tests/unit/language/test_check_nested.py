"""Fields that hold a list of mappings with keys of their own, and keys that depend on a word."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from runner.language.check import Checked, check
from runner.language.declare import (
    Action,
    Finding,
    Form,
    GivenKeys,
    KnownValues,
    Output,
    arg,
)
from runner.language.kinds import COUNT, ORDER, PRICE, QUANTITY, SYMBOL, TEXT, choice
from runner.language.parameters import given_by_option
from runner.language.runbook import Argument, Literal, Nested, OrderReference
from runner.language.schema import runbook_schema
from runner.language.source import Source
from runner.report.reference import reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    symbol: str = arg(SYMBOL, "What it is.", required=True, example="AAPL")
    side: str = arg(choice("buy", "sell"), "Its side.", required=True, example="buy")
    ratio: Decimal = arg(COUNT, "How often.", default="1", least="1", most="9")


@dataclass(frozen=True, slots=True, kw_only=True)
class Combine:
    kind: str = arg(choice("one", "many"), "Of one or of many.", default="one")
    symbol: str | None = arg(SYMBOL, "The symbol.", unless=("kind", "many"), example="AAPL")
    qty: Decimal | None = arg(QUANTITY, "How many.", required=True, above="0")
    parts: tuple[Part, ...] | None = arg(TEXT, "The parts.", form=Form.NESTED, many=True, of=Part)
    limit: Decimal | None = arg(PRICE, "A limit.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    order: OrderReference | None = arg(ORDER, "An order.", form=Form.ORDER, example="entry")
    price: Decimal | None = arg(PRICE, "A price.")


def perform(args: Any, run: Any) -> None:
    raise AssertionError("the checker performs nothing")


TOLD: list[tuple[KnownValues, GivenKeys]] = []


def rules(known: KnownValues, given: GivenKeys) -> Iterator[Finding]:
    """Notes what it was told, and finds fault with one ratio."""
    TOLD.append((known, given))
    for at, part in enumerate(known.get("parts") or ()):
        if part.get("ratio") == 7:
            yield Finding("RB599", f"parts.{at}.ratio", "not seven")
        if part.get("ratio") == 8:
            yield Finding("RB599", f"parts.{at}.side", "not eight")
        if part.get("ratio") == 9:
            yield Finding("RB599", f"parts.{at}.colour", "not nine")


ACTIONS = {
    action.name: action
    for action in (
        Action(
            "combine", "Combines.", Combine,
            {"order_id": Output(ORDER, "Its id."),
             "limit": Output(PRICE, "Its limit.", optional="without one", given="limit"),
             "exit": Output(ORDER, "Its exit.", optional="without one", given="limit")},
            perform, check=rules, sends=True,
        ),
        Action("use", "Uses an order.", Use, {}, perform),
    )
}  # fmt: skip
HEAD = "runbook: 1\nname: sample\nsymbols: [AAPL, MSFT]\n"


def plan(*parts: str, more: str = "kind: many, qty: 1", head: str = HEAD) -> str:
    """A runbook whose parts stand one on a line, the first on line 9 from column 9 on."""
    keys = [f"      {one}\n" for one in (*more.split(", "), "parts:")]
    rows = [f"      - {part}\n" for part in parts]
    return "".join((head, "steps:\n  - combine:\n", *keys, *rows))


def checked(text: str, *options: str) -> Checked:
    given = {one.name: one for one in map(given_by_option, options) if one is not None}
    return check(Source("plan.yaml", text), ACTIONS, given or None)


def codes(text: str, *options: str) -> list[str]:
    found = (one for _, one in checked(text, *options).findings)
    return [f"{one.code} {one.span.line}:{one.span.column}" for one in found]


A, B = "{symbol: AAPL, side: buy}", "{symbol: MSFT, side: sell, ratio: 2}"


def test_each_mapping_becomes_arguments_of_its_own() -> None:
    runbook = checked(plan(A, B)).runbook
    assert runbook is not None
    content = runbook.body.steps[0].arguments["parts"].content
    assert isinstance(content, tuple)
    seen = []
    for item in content:
        assert isinstance(item, Argument)
        assert isinstance(item.content, Nested)
        assert item.content.declared is Part
        written = item.content.arguments.items()
        seen.append(
            {k: one.content.value for k, one in written if isinstance(one.content, Literal)}
        )
    assert seen == [
        {"symbol": "AAPL", "side": "buy"},
        {"symbol": "MSFT", "side": "sell", "ratio": 2},
    ]


def test_the_rules_are_told_what_is_known_of_each_mapping_defaults_included() -> None:
    head = f"{HEAD}params: {{side: {{type: choice, values: [buy, sell]}}}}\n"
    text = plan("{symbol: AAPL, side: =params.side}", B, head=head)
    TOLD.clear()
    assert codes(text) == []
    assert TOLD[-1][0]["parts"] == (
        {"symbol": "AAPL", "ratio": 1},
        {"symbol": "MSFT", "side": "sell", "ratio": 2},
    )
    assert codes(text, "side=buy") == []
    assert TOLD[-1][0]["parts"][0]["side"] == "buy"


def test_the_rules_are_told_what_stands_above_the_steps() -> None:
    head = f"{HEAD}limits: {{price_collar: 3%}}\ndefaults: {{time_in_force: gtc}}\n"
    TOLD.clear()
    assert codes(plan(A, head=head)) == []
    known, given = TOLD[-1]
    assert known["limits.price_collar"] == Decimal("0.03")
    assert known["defaults.time_in_force"] == "gtc"
    assert given >= {"limits.price_collar", "defaults.time_in_force", "parts", "kind"}
    assert "limits.max_orders" not in given


@pytest.mark.parametrize(
    ("part", "place"),
    [
        ("{symbol: AAPL, side: buy, ratio: 7}", "RB599 10:42"),
        ("{symbol: AAPL, side: buy, ratio: 8}", "RB599 10:30"),
        ("{symbol: AAPL, side: buy, ratio: 9}", "RB599 10:9"),
    ],
)
def test_a_finding_inside_a_mapping_stands_at_its_key_or_its_beginning(
    part: str, place: str
) -> None:
    assert codes(plan(A, part)) == [place]


@pytest.mark.parametrize(
    ("part", "place", "message", "help_"),
    [
        ("{symbol: AAPL, sid: buy}", "RB201 9:24", "'sid' is not a key of an entry of 'parts'",
         "Did you mean 'side'?"),
        ("{symbol: AAPL}", "RB202 9:10", "an entry of 'parts' needs the key 'side'",
         "Add `side: buy`. Its side."),
        ("{symbol: AAPL, side: hold}", "RB203 9:30",
         "'side' cannot be 'hold': this is not one of buy, sell", ""),
        ("{symbol: AAPL, side: buy, ratio: 10}", "RB203 9:42",
         "'ratio' cannot be '10': this must be 9 or less", ""),
        ("{symbol: AAPL, side: buy, ratio: params.x}", "RB203 9:42",
         "'ratio' cannot be 'params.x': this is not a number",
         "For an expression, write `=params.x`."),
        ("{symbol: aapl, side: buy}", "RB203 9:18",
         "'symbol' cannot be 'aapl': symbols are written in capitals: AAPL", ""),
        ("{symbol: F, side: buy}", "RB308 9:18",
         "'F' is not among this runbook's symbols", "Known here: AAPL, MSFT."),
        ("AAPL", "RB203 9:9", "each entry of 'parts' takes a block of keys",
         "It knows: symbol, side, ratio."),
        ("[AAPL]", "RB203 9:9", "each entry of 'parts' takes a block of keys",
         "It knows: symbol, side, ratio."),
        ("{symbol: AAPL, side: [buy]}", "RB203 9:30", "'side' takes one of buy, sell", ""),
        ("{symbol: =params.x, side: buy}", "RB301 9:19", "there is no parameter 'x'",
         "Declare it under `params`."),
        ("{symbol: AAPL, side: buy, ratio: =1.5}", "RB203 9:43",
         "'ratio' comes to 1.5: this must be a whole number", ""),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_mapping_is_found_at_its_place(
    part: str, place: str, message: str, help_: str
) -> None:
    text = plan(part, A)
    (found,) = [one for _, one in checked(text).findings]
    assert f"{found.code} {found.span.line}:{found.span.column}" == place
    assert found.message == message
    assert found.help == help_


@pytest.mark.parametrize("value", ["AAPL", "=params.x", "[]", "{symbol: AAPL, side: buy}", "~", ""])
def test_anything_but_a_list_is_one_finding(value: str) -> None:
    text = f"{HEAD}steps:\n  - combine: {{kind: many, qty: 1, parts: {value}}}\n"
    (found,) = [one for _, one in checked(text).findings]
    assert (found.code, found.span.line) == ("RB203", 5)
    assert found.message == "'parts' takes a list, each entry with symbol, side, ratio"


def test_a_key_that_a_word_makes_needless_is_required_without_it() -> None:
    assert codes(f"{HEAD}steps:\n  - combine: {{qty: 1}}\n") == ["RB202 5:5"]
    assert codes(f"{HEAD}steps:\n  - combine: {{qty: 1, kind: one}}\n") == ["RB202 5:5"]
    assert codes(f"{HEAD}steps:\n  - combine: {{qty: 1, kind: many}}\n") == []
    assert codes(f"{HEAD}steps:\n  - combine: {{qty: 1, symbl: AAPL}}\n") == ["RB201 5:23"]
    assert codes(f"{HEAD}steps:\n  - combine:\n") == ["RB202 5:5", "RB202 5:5"]


def test_an_output_of_a_written_argument_is_there_and_one_of_an_unwritten_is_not() -> None:
    entry = "  - id: entry\n    combine: {symbol: AAPL, qty: 1"
    there = f"{HEAD}steps:\n{entry}, limit: 5}}\n"
    absent = f"{HEAD}steps:\n{entry}}}\n"
    assert codes(f"{there}  - use: {{price: =steps.entry.limit}}\n") == []
    assert codes(f"{absent}  - use: {{price: =steps.entry.limit}}\n") == ["RB303 7:19"]
    assert codes(f"{there}  - use: {{order: entry.exit}}\n") == []
    (found,) = [one for _, one in checked(f"{absent}  - use: {{order: entry.exit}}\n").findings]
    assert (found.code, found.message) == ("RB306", "the order of 'entry' has no exit")
    assert found.help == "Give that step `limit`, or name the step alone: entry."


def test_a_parameter_used_only_in_a_mapping_is_used() -> None:
    head = f"{HEAD}params: {{side: {{type: choice, values: [buy, sell], default: buy}}}}\n"
    assert codes(plan("{symbol: AAPL, side: =params.side}", head=head)) == []


# ------------------------------------------------------------------------- for editors and readers


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ({"kind": "many", "qty": 1, "parts": [{"symbol": "AAPL", "side": "buy"}]}, True),
        ({"kind": "many", "qty": 1, "parts": [{"symbol": "A", "side": "=x", "ratio": 2}]}, True),
        ({"kind": "many", "qty": 1, "parts": [{"symbol": "AAPL"}]}, False),
        ({"kind": "many", "qty": 1, "parts": [{"symbol": "A", "side": "buy", "x": 1}]}, False),
        ({"kind": "many", "qty": 1, "parts": []}, False),
        ({"kind": "many", "qty": 1, "parts": {"symbol": "AAPL", "side": "buy"}}, False),
        ({"kind": "many", "qty": 1, "parts": "AAPL"}, False),
        ({"kind": "many", "qty": 1}, True),
        ({"qty": 1}, False),
        ({"kind": "one", "qty": 1}, False),
        ({"kind": "=params.x", "qty": 1}, False),
        ({"qty": 1, "symbol": "AAPL"}, True),
        (None, False),
    ],
)
def test_an_editor_judges_mappings_in_a_list(value: object, fits: bool) -> None:
    schema = runbook_schema(ACTIONS)
    Draft202012Validator.check_schema(schema)
    runbook = {"runbook": 1, "name": "x", "symbols": "any", "steps": [{"combine": value}]}
    assert Draft202012Validator(schema).is_valid(runbook) is fits


def test_the_reference_shows_the_keys_of_a_mapping() -> None:
    page = reference(ACTIONS)
    assert "| `parts` | a list of mappings | The parts. |" in page
    assert "Each entry of `parts`:" in page
    assert "| `ratio` | a whole number, 1 or more | How often. Default: `1`. |" in page
    assert "**Required**, unless `kind` is `many`. The symbol." in page


# ------------------------------------------------------------------------- whatever a file holds

_PIECES = (
    "symbol: AAPL", "side: buy", "ratio: 1", "ratio: =1", "ratio: =params.x", "x: 1", "symbol:",
    "side: {a: 1}", "side: [buy]", "symbol: *a", "ratio: 'q'", "=: 1", "side: '${x}'", "ratio: -1",
    "symbol: =steps.a.b", "? a", "&a side: sell", "<<: 1", "!t symbol: F",
    "symbol: AAPL, symbol: F",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_any_list_of_mappings_is_checked_to_its_end(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(60):
        parts = [
            chance.choice(("{%s}", "[%s]", "%s", "'%s'", "- %s", "{a: {%s}}"))
            % ", ".join(chance.choices(_PIECES, k=chance.randrange(4)))
            for _ in range(chance.randrange(5))
        ]
        result = checked(plan(*parts, more=chance.choice(("kind: many, qty: 1", "qty: 1"))))
        lines = result.report.source.text.count("\n") + 1
        for _, found in result.findings:
            assert 1 <= found.span.line <= lines, found
        assert (result.runbook is None) == result.failed
