"""How steps follow one another: conditions, failures, clean-up, deadlines, parameters, exits."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from acceptance.harness import WIDE, Ended, RunPlan, plan_of, without

from runner.machine import interpreter
from runner.machine.arguments import build

AT_100 = "tape: {AAPL: [[0s, 100, 99.99, 100.01]]}"
FALLS = "tape: {AAPL: [[0s, 100, 99.99, 100.01], [30s, 99, 98.99, 99.01], [60s, 97, 96.99, 97.01]]}"
BUY = "{id: entry, submit_order: {symbol: AAPL, side: buy, qty: 3}}"
REST = "{id: rest, submit_order: {symbol: AAPL, side: buy, qty: 1, type: limit, limit_price: 80}}"
FILL = "{id: fill, await_fill: {order: entry, timeout: 10s}}"
NO = "{id: no, assert: 1 > 2}"


def steps(*lines: str, head: str = "symbols: [AAPL]", tail: str = "") -> str:
    return plan_of("\n".join(f"  - {line}" for line in lines), head=head, tail=tail)


def section(name: str, *lines: str) -> str:
    return f"{name}:\n" + "".join(f"  - {line}\n" for line in lines)


def statuses(ended: Ended) -> dict[str, str]:
    return {one["id"] or one["path"]: one["status"] for one in ended.data["steps"]}


# ------------------------------------------------------------------------- when


@pytest.mark.parametrize(("go", "status"), [("true", "done"), ("false", "skipped")])
def test_a_step_runs_only_when_its_condition_is_true(
    run_plan: RunPlan, go: str, status: str
) -> None:
    text = steps(
        BUY.replace("{id", "{when: params.go, id"),
        FILL.replace("{id", "{when: ran(entry), id"),
        "{id: size, check_position: {symbol: AAPL, qty: '=default(steps.fill.filled_qty, 0)'}}",
        head="symbols: [AAPL]\nparams: {go: {type: boolean}}",
    )
    ended = run_plan(text, "-p", f"go={go}", scenario=AT_100)
    assert ended.exit_code == 0
    assert statuses(ended) == {"entry": status, "fill": status, "size": "done"}
    assert len(ended.sent()) == (go == "true")
    if status == "skipped":
        assert ended.step(0)["outputs"] == {}


def test_a_condition_that_has_no_value_is_a_failure_not_a_skip(run_plan: RunPlan) -> None:
    never = "1 / (steps.quote.bid - steps.quote.bid) > 0"
    buy = BUY.replace("{id", f'{{when: "{never}", id')
    text = steps("{id: quote, get_quote: {symbol: AAPL}}", buy)
    ended = run_plan(text, scenario=AT_100)
    assert (ended.exit_code, ended.sent()) == (5, [])
    assert "has no value" in ended.data["error"]["message"]


# ------------------------------------------------------------------------- failures


def test_a_failure_runs_on_failure_and_then_finally_which_know_its_cause(
    run_plan: RunPlan,
) -> None:
    text = steps(
        BUY, FILL, NO, "{id: never, check_account: {}}",
        tail=section("on_failure",
                     "{id: why, assert: run.cause == 'refused'}",
                     "{id: exit, close_position: {symbol: AAPL}}",
                     "{id: out, await_fill: {order: exit, timeout: 10s}}")
        + section("finally",
                  "{id: end, check_position: {symbol: AAPL, qty: 0}}",
                  "{id: known, assert: \"default(run.cause, 'none') == 'refused'\"}"),
    )  # fmt: skip
    ended = run_plan(text, scenario=AT_100)
    assert (ended.exit_code, ended.data["status"]) == (5, "failed")
    assert ended.data["error"]["step"] == "steps[2]"
    assert statuses(ended) == {
        "entry": "done", "fill": "done", "no": "refused", "why": "done", "exit": "done",
        "out": "done", "end": "done", "known": "done",
    }  # fmt: skip


def test_finally_runs_on_success_too_and_its_every_step_is_attempted(run_plan: RunPlan) -> None:
    text = steps(BUY, FILL, tail=section(
        "finally", "{id: first, check_position: {symbol: AAPL, qty: 9, within: 1s}}",
        "{id: second, close_position: {symbol: AAPL}}", "{id: third, assert: 1 > 2}",
        "{id: fourth, await_fill: {order: second, timeout: 5s}}"))  # fmt: skip
    ended = run_plan(text, scenario=AT_100)
    assert ended.exit_code == 5
    assert ended.data["error"]["step"] == "finally[0]"  # the first that went wrong
    assert statuses(ended) == {
        "entry": "done", "fill": "done", "first": "refused", "second": "done",
        "third": "refused", "fourth": "done",
    }  # fmt: skip


def test_a_failure_within_on_failure_still_runs_finally(run_plan: RunPlan) -> None:
    worse = "{id: worse, check_account: {min_cash: 1000000}}"
    tail = section("on_failure", worse, "{id: unreached, check_account: {}}")
    tail += section("finally", "{id: tidy, cancel_all: {}}")
    ended = run_plan(steps(REST, NO, tail=tail), scenario=AT_100)
    assert ended.exit_code == 5
    assert ended.data["error"]["step"] == "steps[1]"
    assert statuses(ended) == {"rest": "done", "no": "refused", "worse": "refused", "tidy": "done"}
    assert ended.data["open_orders"] == []


def test_a_step_that_may_fail_does_not_end_the_run(run_plan: RunPlan) -> None:
    text = steps(
        "{id: rich, check_account: {min_cash: 1000000}, on_error: continue}",
        "{id: stale, on_error: continue, submit_order: {symbol: AAPL, side: buy, qty: 1,"
        " type: stop, stop_price: 90}}",
        "{id: tell, when: ran(rich), check_account: {}}",
        "{id: other, when: not ran(rich) and not ran(stale), check_account: {}}",
        tail=section("on_failure", "{id: never, check_account: {}}"),
    )
    ended = run_plan(text, scenario=AT_100)
    assert (ended.exit_code, ended.data["error"]) == (0, None)
    assert statuses(ended) == {
        "rich": "refused", "stale": "failed", "tell": "skipped", "other": "done",
    }  # fmt: skip


def test_a_guard_is_never_continued_past(run_plan: RunPlan) -> None:
    text = steps(BUY.replace("{id", "{on_error: continue, id"), "{id: after, check_account: {}}",
                 head="symbols: [AAPL]\nlimits: {max_orders: 0}")  # fmt: skip
    ended = run_plan(text, scenario=AT_100)
    assert (ended.exit_code, ended.sent()) == (4, [])
    assert statuses(ended) == {"entry": "refused"}


def test_a_failed_run_cancels_what_it_left_even_without_a_clean_up_of_its_own(
    run_plan: RunPlan,
) -> None:
    stop = "submit_order: {symbol: AAPL, side: sell, qty: 3, type: stop, stop_price: 85}"
    rest = REST.replace("side: buy, qty: 1, type: limit, limit_price: 80",
                        "side: buy, qty: 1, type: trailing_stop, trail_price: 9")  # fmt: skip
    ended = run_plan(steps(BUY, FILL, rest, stop, NO), scenario=AT_100)
    assert ended.exit_code == 5
    by_type = {one["type"]: one for one in ended.data["orders"]}
    assert by_type["trailing_stop"]["status"] == "canceled"
    assert ended.data["open_orders"] == [by_type["stop"]["client_order_id"]]


def test_a_run_that_succeeds_leaves_its_orders_working_and_names_them(run_plan: RunPlan) -> None:
    ended = run_plan(steps(REST), scenario=AT_100)
    assert ended.exit_code == 0
    assert ended.data["open_orders"] == [ended.data["orders"][0]["client_order_id"]]


# ------------------------------------------------------------------------- deadlines


@pytest.mark.parametrize(
    ("head", "step"),
    [
        ("symbols: [AAPL]", "{id: slow, timeout: 5s, wait: {for: 1h}}"),
        ("symbols: [AAPL]\ndefaults: {timeout: 5s}", "{id: slow, wait: {for: 1h}}"),
        ("symbols: [AAPL]\nparams: {t: {type: duration, default: 5s}}",
         "{id: slow, timeout: =params.t, wait: {for: 1h}}"),
    ],
)  # fmt: skip
def test_a_step_has_as_long_as_it_is_given(run_plan: RunPlan, head: str, step: str) -> None:
    tail = section("on_failure", "{id: told, assert: run.cause == 'timed_out'}")
    ended = run_plan(steps(REST, step, head=head, tail=tail), scenario=AT_100)
    assert (ended.exit_code, ended.data["status"]) == (6, "timed_out")
    assert statuses(ended) == {"rest": "done", "slow": "failed", "told": "done"}
    assert ended.data["orders"][0]["status"] == "canceled"
    assert moment(ended) < "2026-11-23T15:00:07"


def moment(ended: Ended) -> str:
    at: str = [one.data["at"] for one in ended.records if one.type == "effect.outcome"][-1]
    return at


def test_the_runs_timeout_goes_straight_to_finally(run_plan: RunPlan) -> None:
    """`on_failure` might trade: a run out of time only cleans up."""
    tail = section("on_failure", "{id: sell, close_position: {symbol: AAPL}}")
    tail += section("finally", "{id: pause, wait: {for: 30s}}", "{id: tidy, cancel_all: {}}")
    head = "symbols: [AAPL]\ntimeout: 1m"
    text = steps(BUY, FILL, REST, "wait: {for: 1h}", head=head, tail=tail)
    ended = run_plan(text, scenario=AT_100)
    assert (ended.exit_code, ended.data["status"]) == (6, "timed_out")
    assert ended.data["error"]["cause"] == "run_timed_out"
    assert "sell" not in statuses(ended)
    assert (statuses(ended)["pause"], statuses(ended)["tidy"]) == ("done", "done")
    assert ended.data["open_orders"] == []
    assert ended.data["positions"][0]["run_qty"] == "3"  # losing time must not liquidate


def test_a_step_of_finally_has_a_minute_unless_it_says_otherwise(run_plan: RunPlan) -> None:
    longer = "{id: longer, timeout: 1h, wait: {for: 5m}}"
    tail = section("finally", "{id: long, wait: {for: 5m}}", longer)
    ended = run_plan(steps("check_account: {}", tail=tail))
    assert ended.exit_code == 6
    assert statuses(ended) == {"steps[0]": "done", "long": "failed", "longer": "done"}


def test_a_default_poll_is_how_often_an_order_is_read(run_plan: RunPlan) -> None:
    text = steps(BUY, FILL, head="symbols: [AAPL]\ndefaults: {poll: 2s}")
    ended = run_plan(text, scenario=AT_100)
    assert ended.exit_code == 0
    asked = [one.data["effect"] for one in ended.records if one.type == "effect.intent"]
    polls = {one["poll"] for one in asked if one["effect"] == "await_change"}
    assert {Decimal(poll) for poll in polls} == {2}


# ------------------------------------------------------------------------- validity


@pytest.mark.parametrize(
    ("until", "code"),
    [("2026-11-23 10:30", 0), ("2026-11-23 10:00", 4), ("2026-11-22 10:30", 4),
     ("2026-11-23T15:30:00Z", 0), ("2026-11-23T09:59:00-05:00", 4)],
)  # fmt: skip
def test_a_plan_past_its_date_does_not_start(run_plan: RunPlan, until: str, code: int) -> None:
    text = steps(BUY, head=f"symbols: [AAPL]\nvalid_until: {until}",
                 tail=section("finally", "cancel_all: {}"))  # fmt: skip
    ended = run_plan(text, scenario=AT_100)
    assert ended.exit_code == code
    assert len(ended.sent()) == (code == 0)
    if code:
        assert ended.data["steps"] == []
        assert "valid until" in ended.data["error"]["message"]


# ------------------------------------------------------------------------- parameters


PARAMS = """\
symbols: [=params.ticker]
params:
  note: {type: text, default: none yet}
  ticker: {type: symbol}
  qty: {type: quantity, min: 0.5, max: 10}
  cap: {type: money, default: 5000}
  limit: {type: price}
  collar: {type: percent, default: 3%}
  count: {type: integer, default: 1}
  go: {type: boolean, default: false}
  patience: {type: duration, default: 5s}
  until: {type: time, default: 10:05}
  tif: {type: choice, values: [day, gtc], default: day}
limits:
  max_orders: =params.count
  max_order_notional: =params.cap
  price_collar: =params.collar
timeout: =params.patience * 100"""

OF_EVERY_TYPE = [
    "{when: params.go, submit_order: {symbol: =params.ticker, side: buy, qty: =params.qty,"
    " type: limit, limit_price: =params.limit, time_in_force: =params.tif}}",
    "wait: {for: =params.patience}",
    "wait: {until: =params.until}",
    "assert: {that: params.count == 2, message: 'Said ${params.note}: ${params.cap} dollars,"
    " ${params.collar}, ${params.patience}, ${params.until}, ${params.go}'}",
]
GIVEN = {"note": "now = then", "ticker": "AAPL", "qty": "1.5", "limit": "100.10", "go": "true",
         "collar": "0.5%", "tif": "gtc", "until": "10:02", "cap": "151.00"}  # fmt: skip


def test_parameters_of_every_type_reach_what_is_sent_and_said(
    run_plan: RunPlan, tmp_path: Path
) -> None:
    given = [part for name, value in GIVEN.items() for part in ("-p", f"{name}={value}")]
    text = steps(*[one for one in OF_EVERY_TYPE if "until: =" not in one], head=PARAMS)
    # A fraction is a day order: the choice that was given is refused before anything is sent.
    assert run_plan(text, *given, scenario=AT_100).exit_code == 3
    given += ["-p", "qty=1"]
    ended = run_plan(text, *given, scenario=AT_100)
    assert ended.exit_code == 5  # the assertion, after the order was accepted
    (sent,) = ended.sent()
    assert (sent["symbol"], sent["time_in_force"]) == ("AAPL", "gtc")
    assert float(sent["limit_price"]) == 100.1
    message = ended.data["error"]["message"]
    assert message.startswith("Said now = then: 151.00 dollars, 0.005, 5s, 10:02, true (")


def test_parameters_may_stand_in_a_file(run_plan: RunPlan, tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_text("ticker: AAPL\nqty: 2\nlimit: 100.50\ngo: true\ntif: gtc\n")
    text = steps(OF_EVERY_TYPE[0], OF_EVERY_TYPE[1], head=PARAMS)
    ended = run_plan(text, "--params", str(file), "-p", "qty=3", scenario=AT_100)
    assert ended.exit_code == 0, ended.stderr
    assert float(ended.sent()[0]["qty"]) == 3  # an option wins over the file


@pytest.mark.parametrize(
    ("name", "value"),
    [("qty", "11"), ("qty", "0.4"), ("qty", "two"), ("limit", "100.101"), ("limit", "-1"),
     ("collar", "3"), ("count", "1.5"), ("go", "yes"), ("patience", "5"), ("until", "25:00"),
     ("tif", "ioc"), ("ticker", "aapl"), ("nobody", "1"), ("cap", "$5")],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_refused_before_anything_is_sent(
    run_plan: RunPlan, name: str, value: str
) -> None:
    given = {"ticker": "AAPL", "qty": "1", "limit": "100", name: value}
    options = [part for one, text in given.items() for part in ("-p", f"{one}={text}")]
    ended = run_plan(steps(OF_EVERY_TYPE[0], *OF_EVERY_TYPE[1:2], head=PARAMS), *options)
    assert (ended.exit_code, ended.log) == (3, None)


def test_a_parameter_without_a_value_is_asked_for(run_plan: RunPlan) -> None:
    ended = run_plan(steps(OF_EVERY_TYPE[0], head=PARAMS))
    assert (ended.exit_code, ended.log) == (3, None)
    assert "-p qty=" in ended.stderr


# ------------------------------------------------------------------------- expressions


def test_an_exit_is_reckoned_from_what_was_paid(run_plan: RunPlan) -> None:
    """A protective stop two percent below the fill, on the price grid, and its profit target."""
    text = steps(
        BUY, FILL,
        "{id: stop, submit_order: {symbol: AAPL, side: sell, qty: =steps.fill.filled_qty,"
        " type: stop, stop_price: =round_tick(steps.fill.filled_avg_price * 0.98)}}",
        "{id: hit, await_fill: {order: stop, timeout: 5m}}",
        "assert: steps.hit.filled_avg_price < steps.fill.filled_avg_price * 98%",
        "check_position: {symbol: AAPL, qty: 0}",
    )  # fmt: skip
    ended = run_plan(text, scenario=FALLS)
    assert ended.exit_code == 0, ended.data["error"]
    assert float(ended.sent()[1]["stop_price"]) == 98.01  # 100.01 less two percent is 98.0098
    assert ended.outputs("hit")["filled_avg_price"] == "96.99"
    decided = [one.data for one in ended.records
               if one.type == "decision" and one.data["about"] == "stop_price"]  # fmt: skip
    assert decided[0]["verdict"] == "98.01"
    assert decided[0]["values"] == [
        {"name": "steps.fill.filled_avg_price", "value": "100.01", "certainty": "read"}
    ]


def test_an_order_is_sized_from_the_account(run_plan: RunPlan) -> None:
    text = steps(
        "{id: acct, check_account: {}}", "{id: quote, get_quote: {symbol: AAPL}}",
        BUY.replace("qty: 3", "qty: '=min(floor(steps.acct.equity * 1% / steps.quote.ask), 8)'"),
        "{id: fill, await_fill: {order: entry, timeout: 10s}}",
    )  # fmt: skip
    ended = run_plan(text, scenario=f"cash: 60000\n{AT_100}")
    assert ended.exit_code == 0
    assert ended.outputs("fill")["filled_qty"] == "5"


# ------------------------------------------------------------------------- exit codes


@pytest.mark.parametrize(
    ("lines", "scenario", "code", "status"),
    [
        ([BUY, FILL], AT_100, 0, "completed"),
        ([NO], AT_100, 4, "refused"),
        ([BUY, NO], AT_100, 5, "failed"),
        ([BUY.replace("qty: 3", "qty: 30000")], AT_100, 5, "failed"),
        ([NO, BUY], AT_100, 4, "refused"),
        ([REST, "await_fill: {order: rest, timeout: 5s}"], AT_100, 6, "timed_out"),
        (["{timeout: 1s, wait: {for: 2s}}"], AT_100, 6, "timed_out"),
        (["check_account: {}"], "keys: {key: PKOTHER, secret: x}", 7, "failed"),
    ],
)
def test_the_exit_code_says_how_it_ended(
    run_plan: RunPlan, lines: list[str], scenario: str, code: int, status: str
) -> None:
    policy = f"{WIDE}\n{without('buying_power')}"
    ended = run_plan(steps(*lines), scenario=scenario, policy=policy)
    assert (ended.exit_code, ended.data["status"]) == (code, status)
    assert ended.data["exit_code"] == code


def test_a_refused_order_is_not_an_accepted_one(run_plan: RunPlan) -> None:
    """Only what the broker took turns a refusal into a failure."""
    far = BUY.replace("qty: 3", "qty: 30000").replace("{id", "{on_error: continue, id")
    ended = run_plan(steps(far, NO), scenario=AT_100)
    assert (ended.exit_code, ended.data["status"]) == (4, "refused")


def test_a_defect_in_a_step_still_cleans_up_and_is_called_one(
    run_plan: RunPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of ours must not leave a plan's orders behind."""
    whole = build

    def broken(run: Any, arguments: Any, written: Any) -> Any:
        if "for" in written:
            raise KeyError("a defect")
        return (yield from whole(run, arguments, written))

    monkeypatch.setattr(interpreter, "build", broken)
    text = steps(REST, "{id: bad, wait: {for: 1s}}", tail=section(
        "on_failure", "{id: never, check_account: {}}") + section(
        "finally", "{id: tidy, cancel_all: {}}"))  # fmt: skip
    ended = run_plan(text, scenario=AT_100)
    assert (ended.exit_code, ended.data["status"]) == (1, "failed")
    assert "internal error in" in ended.data["error"]["message"]
    assert statuses(ended) == {"rest": "done", "bad": "failed", "tidy": "done"}
    assert ended.data["orders"][0]["status"] == "canceled"
