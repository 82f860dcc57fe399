"""Where what was meant is plain, the finding says what to write."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from runner.cli.validate import validate
from runner.language.check import check
from runner.language.diagnostics import did_you_mean
from runner.language.source import Source
from runner.steps import ACTIONS

HEAD = "runbook: 1\nname: sample\nsymbols: [AAPL]\nsteps:\n"
ENTRY = "  - id: entry\n    submit_order: {symbol: AAPL, side: buy, qty: 1}\n"
OPEN = "  - id: open\n    list_orders: {}\n"
QUOTE = "  - get_quote: {symbol: AAPL}\n"


def said(steps: str, head: str = HEAD) -> list[tuple[str, str]]:
    found = check(Source("plan.yaml", head + steps), ACTIONS, None).findings
    return [(one.code, one.help or one.label) for _, one in found if one.severity == "error"]


@pytest.mark.parametrize(
    ("steps", "help_"),
    [
        (f"{ENTRY}  - await_fill: entry\n", "Write `{order: entry}`."),
        (f"{ENTRY}  - await_fill: entry.stop_loss\n", "Write `{order: entry.stop_loss}`."),
        ("  - wait: 5m\n", "Write `{for: 5m}`."),
        ("  - wait: close-10m\n", "Write `{until: close-10m}`."),
        ("  - get_quote: AAPL\n", "Write `{symbol: AAPL}`."),
        ("  - target_position: AAPL\n", "Write `{symbol: AAPL, …}`."),
        ("  - get_quote: aapl!\n", "It knows: symbol, max_age."),
        ("  - cancel_all: 5\n", "It knows: scope, protective."),
    ],
)
def test_a_lone_value_is_given_the_key_that_takes_it(steps: str, help_: str) -> None:
    assert said(steps) == [("RB203", help_)]


@pytest.mark.parametrize(
    ("key", "help_"),
    [
        ("take_profit: {limit_price: 300}", "Write the value alone: `take_profit: 300`."),
        ("stop_loss: {stop_price: 90, limit_price: 89}", "Write the value alone: `stop_loss: 90`."),
        ("take_profit: {limit_price: high}", ""),
    ],
)
def test_the_keys_of_the_broker_stand_for_one_value(key: str, help_: str) -> None:
    order = f"  - submit_order: {{symbol: AAPL, side: buy, qty: 1, order_class: oto, {key}}}\n"
    assert said(order) == [("RB203", help_ or "this is a block of keys")]


@pytest.mark.parametrize(
    ("word", "options", "hint"),
    [
        ("quantity", ["symbol", "side", "qty"], "Did you mean 'qty'?"),
        ("tif", ["type", "time_in_force"], "Did you mean 'time_in_force'?"),
        ("time_in_force", ["type", "tif"], "Did you mean 'tif'?"),
        (
            "max_notional",
            ["max_orders", "max_order_notional", "max_run_notional"],
            "Did you mean 'max_order_notional' or 'max_run_notional'?",
        ),
        ("max_ordres", ["max_orders", "max_order_qty"], "Did you mean 'max_orders'?"),
        ("shares", ["symbol", "side", "qty"], "Known here: symbol, side, qty."),
    ],
)
def test_a_word_is_taken_for_what_it_is_short_for_or_a_part_of(
    word: str, options: list[str], hint: str
) -> None:
    assert did_you_mean(word, options) == hint


def test_a_key_that_was_written_out_is_not_missing_as_well() -> None:
    steps = "  - target_position: {symbol: AAPL, quantity: 5}\n"
    assert said(steps) == [("RB201", "Did you mean 'qty'?")]


def test_a_step_named_by_its_action_is_told_of_its_id() -> None:
    read = "  - assert: steps.get_quote.ask > 1\n"
    (found,) = said(QUOTE + read)
    assert found == ("RB301", "Give the step of get_quote (steps[0]) an id, and name it by that.")
    (found,) = said(QUOTE.replace("- get", "- id: q\n    get") + read)
    assert found == ("RB301", "The step of get_quote has the id 'q': write that.")
    (found,) = said(read + QUOTE)
    assert found == ("RB301", "")


def test_the_braces_of_a_text_are_left_out_of_a_condition() -> None:
    (found,) = said(f"{OPEN}  - when: ${{steps.open.count}} > 0\n    cancel_all:\n")
    assert found == ("RB401", "Leave out ${ and }: this is an expression already.")
    (found,) = said(f"{OPEN}  - when: $5 > steps.open.count\n    cancel_all:\n")
    assert found == ("RB401", "Write the amount alone, without a currency sign.")


@pytest.mark.parametrize("rest", ["[0].symbol == 'AAPL'", "[0] == 'AAPL'", "[n]"])
def test_nothing_is_picked_out_of_a_list(rest: str) -> None:
    text = f"{HEAD}{OPEN}  - assert: steps.open.orders{rest}\n"
    (found,) = [one for _, one in check(Source("x", text), ACTIONS, None).findings]
    assert (found.code, found.message) == ("RB401", "lists cannot be indexed")


def test_a_number_of_its_own_bounds_is_asked_for_in_the_words_of_its_field() -> None:
    legs = "legs: [{symbol: AAPL, side: buy, ratio: %s}]"
    for ratio in ("0", "1.5"):
        steps = f"  - submit_order: {{order_class: mleg, qty: 1, {legs % ratio}}}\n"
        assert ("RB203", "expected a whole number, 1 or more") in said(steps)


# ------------------------------------------------------------------------- cut by a comma


@pytest.mark.parametrize(
    "value",
    [
        "=round_tick(steps.q.ask * 0.99, 'down')",
        '=round_tick(steps.q.ask * 0.99, "down")',
        "=round_tick(max(steps.q.ask, 1), 'down')",
        "=round_tick(max(steps.q.ask, 1), 'down') + 1",
        "=round_tick(1, 'a') + round_tick(2, 'b')",
    ],
)
@pytest.mark.parametrize("rest", ["", ", qty: 1", ", order_class: 'oto'"])
def test_a_comma_before_a_quoted_text_is_said_to_cut_the_value(value: str, rest: str) -> None:
    steps = f"  - submit_order: {{side: buy, symbol: AAPL, limit_price: {value}{rest}}}\n"
    ((code, help_),) = said(steps)
    assert code == "RB111"
    shown = value if '"' in value else f'"{value}"'
    assert shown in help_


def test_a_brace_that_is_never_closed_is_still_called_that() -> None:
    (found,) = said("  - submit_order: {side: buy, limit_price: =min(1, 'a'\n")
    assert found[0] == "RB103"


# ------------------------------------------------------------------------- a directory


def test_every_runbook_of_a_directory_is_checked(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"{HEAD}{QUOTE}")
    (tmp_path / "b.yml").write_text(f"{HEAD}{QUOTE.replace('AAPL', 'MSFT')}")
    (tmp_path / "c.txt").write_text("no runbook")
    (tmp_path / "d.yaml").mkdir()
    ended = CliRunner().invoke(validate, [str(tmp_path)])
    assert ended.exit_code == 0, ended.output  # to look at another symbol is only warned of
    assert [line for line in ended.stdout.splitlines() if line.endswith(": valid")] == [
        f"{tmp_path / name}: valid" for name in ("a.yaml", "b.yml")
    ]
    (tmp_path / "b.yml").write_text(f"{HEAD}  - get_quote: AAPL\n")
    assert CliRunner().invoke(validate, [str(tmp_path)]).exit_code == 3


@pytest.mark.parametrize("output", ["text", "json"])
def test_a_directory_without_runbooks_is_an_error(tmp_path: Path, output: str) -> None:
    ended = CliRunner().invoke(validate, [str(tmp_path), "--format", output])
    assert ended.exit_code == 3
    assert "no *.yaml or *.yml file is in this directory" in ended.output
