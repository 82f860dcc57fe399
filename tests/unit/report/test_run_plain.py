"""What a run looks like in a pipe or a CI log: one whole line for each thing that happens."""

from __future__ import annotations

import io
import os
import re

import pytest
from unit.report.run_sample import (
    BODY,
    CLIENT_ID,
    LOG,
    LOOKUP,
    NO_ANSWER,
    ORDER_ID,
    RUN_ID,
    SUBMIT,
    Told,
    about,
    at,
    awaits,
    begin,
    buy,
    lose_the_answer,
    order,
    plain,
    result,
    seen,
    stop_safely,
    wait_for_fill,
    whole_run,
)

from runner.effects import (
    Answer,
    AskPerson,
    AwaitChange,
    Cancel,
    Effect,
    Json,
    Notify,
    Problem,
    ReadOpenOrders,
    ReadOrder,
    Reason,
    Replace,
    Sleep,
    Status,
    Submit,
    Suspend,
)
from runner.report.run_plain import PlainView


def lines(*parts: object, text: str | None = None) -> list[str]:
    """What is printed below the heading."""
    printed = plain(parts) if text is None else plain(parts, text)
    return printed.splitlines()[3:]


def test_a_whole_run_line_by_line() -> None:
    assert plain([whole_run]).splitlines() == [
        "one-share on Alpaca paper trading",
        f"run {RUN_ID}",
        f"log {LOG}",
        " account PA123 · ACTIVE",
        " 1/6 check_account             done     equity 100,000.5 · buying power 400,000 (0.3s)",
        " 2/6 Buy below the market      sent     buy 1 AAPL limit 180.00 day · "
        f"order {CLIENT_ID} pending_new (0.2s)",
        " 3/6 await_fill entry          waiting  pending_new, 0 of 1 filled, 1m 00s left",
        " 3/6 await_fill entry          done     1 of 1 filled at 179.99 (12s)",
        " 4/6 assert                    done     steps.fill.filled_qty == 1",
        " 6/6 finally: cancel_all       done     0 cancelled · 0 kept · 0 already done",
    ]


def test_a_partial_fill_is_a_line_and_a_change_of_mere_status_is_not() -> None:
    def partly(told: Told) -> None:
        told.answered(8, "steps[2]", awaits(60.5), seen("partially_filled", "0.4"))
        told.asked(8, "steps[2]", awaits(60.5))

    waits = [line for line in lines(begin, buy, wait_for_fill, partly) if "waiting" in line]
    assert len(waits) == 2
    assert waits[1].endswith("partially_filled, 0.4 of 1 filled at 179.99, 53s left")


def test_a_refusal_is_loud_and_says_what_did_not_hold() -> None:
    def refuse(told: Told) -> None:
        message = "'steps.fill.filled_qty == 1' is not true: 0.5 == 1"
        told.started(1, "steps[3]", "assert", that="steps.fill.filled_qty == 1")
        told.finished(1, "steps[3]", "assert", "refused",
                      error={"cause": "refused", "message": message})  # fmt: skip

    assert lines(refuse) == [
        "!4/6 assert                    refused  'steps.fill.filled_qty == 1' is not true: 0.5 == 1"
    ]


def test_a_lost_answer_is_said_at_once_and_loudly() -> None:
    said = lines(lose_the_answer)
    assert said[0] == (
        "!2/6 Buy below the market      unknown  no clear answer to buy 1 AAPL limit 180.00 day: "
        f"no answer within 20s. It may be live; looking it up as {CLIENT_ID}"
    )
    assert len(said) == 1  # neither the 404 nor the pause is news


def test_a_lost_order_that_is_found_is_said() -> None:
    def find(told: Told) -> None:
        told.does(24, 24.1, "steps[1]", LOOKUP, Answer(Status.OK, order("new")))

    assert lines(lose_the_answer, find)[-1].endswith(
        f"found    order {CLIENT_ID}: new, 0 of 1 filled"
    )


def test_sending_again_under_the_same_id_is_said() -> None:
    def again(told: Told) -> None:
        told.asked(52, "steps[1]", SUBMIT)

    assert lines(lose_the_answer, again)[-1].endswith(
        f"retrying buy 1 AAPL limit 180.00 day again, under the same id {CLIENT_ID}"
    )


BUSY = Problem(Reason.RATE_LIMITED, "too many requests.", 429, 42910000)
SAID_NO = "the broker refused: too many requests. (HTTP 429, code 42910000)"


def test_a_refusal_keeps_the_brokers_words_and_retrying_is_said_when_it_goes_again() -> None:
    def retry(told: Told) -> None:
        told.started(0, "steps[1]", "submit_order")
        told.does(0, 0.1, "steps[1]", SUBMIT, Answer(Status.REFUSED, problem=BUSY))
        told.does(0.1, 15.1, "steps[1]", Sleep(at(15.1)), Answer(Status.OK))

    def again(told: Told) -> None:
        told.asked(15.1, "steps[1]", SUBMIT)

    assert lines(retry) == [f"!2/6 Buy below the market      refused  {SAID_NO}"]
    assert lines(retry, again)[1:] == [
        " 2/6 Buy below the market      retrying buy 1 AAPL limit 180.00 day again, under the same "
        f"id {CLIENT_ID}"
    ]


def test_a_change_that_is_refused_once_is_never_called_retrying() -> None:
    change = Replace(ORDER_ID, "rb-changed", {"limit_price": "181.00"})

    def refuse(told: Told) -> None:
        told.started(1, "steps[2]", "replace_order")
        told.does(1, 1.1, "steps[2]", change, Answer(Status.REFUSED, problem=BUSY))
        told.does(1.1, 1.2, "steps[2]", ReadOrder(ORDER_ID), Answer(Status.OK, order("new")))
        told.finished(1.2, "steps[2]", "replace_order", "failed",
                      error={"message": "the broker refused to change it"})  # fmt: skip

    said = lines(begin, buy, refuse)[3:]
    assert len(said) == 1
    assert "failed   the broker refused to change it" in said[0]


def test_a_change_that_goes_again_is_called_retrying() -> None:
    change = Replace(ORDER_ID, "rb-changed", {"limit_price": "181.00"})

    def retry(told: Told) -> None:
        told.started(1, "steps[2]", "replace_order")
        told.does(1, 1.1, "steps[2]", change, Answer(Status.REFUSED, problem=BUSY))
        told.does(1.1, 16.1, "steps[2]", Sleep(at(16.1)), Answer(Status.OK))
        told.asked(16.1, "steps[2]", change)

    said = lines(begin, buy, retry)[3:]
    assert said[0].endswith(f"refused  {SAID_NO}")
    assert said[1].endswith(
        "retrying the change of buy 1 AAPL limit 180.00 day again, under the same id rb-changed"
    )


@pytest.mark.parametrize(
    "local",
    [Notify("look"), AskPerson("Go on?", at(60)), Suspend((CLIENT_ID,)), Sleep(at(9))],
    ids=lambda effect: effect.name,
)
def test_what_no_broker_answers_does_not_say_that_the_broker_is_back(local: Effect) -> None:
    def outage(told: Told) -> None:
        told.answered(1, "steps[2]", awaits(60.5), Answer(Status.UNAVAILABLE, problem=NO_ANSWER))
        told.does(2, 3, "steps[2]", local, Answer(Status.OK, {"delivered": True}))

    def back(told: Told) -> None:
        told.does(4, 5, "steps[2]", ReadOrder(ORDER_ID), Answer(Status.OK, order("new")))

    assert not [
        line for line in lines(begin, buy, wait_for_fill, outage) if "answers again" in line
    ]
    said = lines(begin, buy, wait_for_fill, outage, back)
    assert [line for line in said if "answers again" in line]


def test_a_broker_that_cannot_be_asked_is_said_once_and_so_is_its_return() -> None:
    def outage(told: Told) -> None:
        failed = Answer(Status.UNAVAILABLE, problem=NO_ANSWER)
        told.answered(1, "steps[2]", awaits(60.5), failed)
        told.does(2, 3, "steps[2]", awaits(60.5), failed)
        told.does(4, 5, "steps[2]", awaits(60.5), seen("new"))

    said = lines(begin, buy, wait_for_fill, outage)[4:]
    assert [line[0] for line in said] == ["!", " "]
    assert "offline  the broker cannot be asked (await change): no answer within 20s" in said[0]
    assert said[1].endswith("online   the broker answers again")


def test_the_safe_stop_has_a_line_for_each_order_it_cancels() -> None:
    assert f"     {'safe stop':<24}  cancel   cancelling buy 1 AAPL limit 180.00 day" in lines(
        begin, buy, stop_safely
    )


def test_the_safe_stop_ends_with_the_orders_as_they_were_last_read() -> None:
    stream = io.StringIO()
    view = PlainView(about(), stream, color=False)
    told = Told(view)
    for part in (begin, buy):
        part(told)
    told.does(13, 13.1, "", Cancel(ORDER_ID), Answer(Status.OK))
    told.does(13.1, 13.2, "", awaits(73), seen("pending_cancel"))
    told.does(13.2, 13.4, "", awaits(73), seen("canceled"))
    view.stop()
    assert stream.getvalue().splitlines()[-1] == (
        f"     {'safe stop':<24}  done     buy 1 AAPL limit 180.00 day: canceled, 0 of 1 filled "
        "(0.4s)"
    )


def test_legs_that_wait_for_their_entry_are_told_as_the_entry() -> None:
    def leg(name: str, kind: str) -> dict[str, object]:
        return {"id": name, "client_order_id": name, "symbol": "AAPL", "side": "sell", "qty": "1",
                "type": kind, "status": "held", "filled_qty": "0"}  # fmt: skip

    bracket = order("new", legs=[leg("p", "limit"), leg("l", "stop")])
    waits = AwaitChange((ORDER_ID, "p", "l"), {}, at(73))

    def cancel(told: Told) -> None:
        told.does(12, 13, "", ReadOrder(ORDER_ID), Answer(Status.OK, bracket))
        told.asked(13, "", waits)

    assert lines(begin, buy, cancel)[-1].endswith(
        "waiting  buy 1 AAPL limit 180.00 day: new, 0 of 1 filled, 1m 00s left"
    )


def test_exits_that_still_wait_when_their_entry_has_ended_are_told_with_it() -> None:
    exits = {"id": "p", "client_order_id": "p", "symbol": "AAPL", "side": "sell", "qty": "1",
             "type": "limit", "status": "held", "filled_qty": "0"}  # fmt: skip

    def cancel(told: Told) -> None:
        ended = Answer(Status.OK, order("canceled", legs=[exits]))
        told.does(12, 13, "", ReadOrder(ORDER_ID), ended)
        told.asked(13, "", AwaitChange(("p",), {}, at(73)))

    assert lines(begin, buy, cancel)[-1].endswith(
        "waiting  buy 1 AAPL limit 180.00 day: canceled, 0 of 1 filled, its exits not yet, "
        "1m 00s left"
    )


def test_a_wait_for_an_order_of_others_names_it() -> None:
    other: Json = {
        "id": "o", "client_order_id": "theirs", "symbol": "MSFT", "side": "sell", "qty": "5",
        "type": "limit", "limit_price": "410", "status": "new", "filled_qty": "0",
    }  # fmt: skip

    def cancel(told: Told) -> None:
        told.started(1, "steps[2]", "close_all")
        read = Answer(Status.OK, {"orders": [other]})
        told.does(1, 2, "steps[2]", ReadOpenOrders(), read)
        told.asked(2, "steps[2]", AwaitChange(("o",), {}, at(122)))

    assert lines(begin, cancel)[-1].endswith(
        "waiting  sell 5 MSFT limit 410: new, 0 of 5 filled, 2m 00s left"
    )


def test_a_wait_for_an_order_nobody_described_says_its_id() -> None:
    def wait(told: Told) -> None:
        told.started(1, "steps[2]", "close_all")
        told.asked(2, "steps[2]", AwaitChange(("5f0c2c9e-1",), {}, at(122)))

    assert lines(begin, wait)[-1].endswith("waiting  order 5f0c2c9e-1, 2m 00s left")


def test_a_rest_sent_at_the_market_ends_with_what_was_filled_and_the_average() -> None:
    rest = Submit("rb-rest", {**BODY, "type": "market"})

    def at_market(told: Told) -> None:
        told.does(60, 61, "steps[2]", rest, Answer(Status.OK, order("pending_new")))
        outputs = {"status": "filled", "filled_qty": "1", "filled_avg_price": "180.02",
                   "remaining_qty": "0"}  # fmt: skip
        told.finished(62, "steps[2]", "await_fill", outputs=outputs)

    assert "done     1 of 1 filled at 180.02" in lines(begin, buy, wait_for_fill, at_market)[-1]


def test_closing_all_ends_with_how_many_are_closed() -> None:
    text = "runbook: 1\nname: c\nsymbols: [AAPL]\nsteps:\n  - close_all:\n"

    def close(told: Told) -> None:
        told.started(0, "steps[0]", "close_all")
        told.does(0, 1, "steps[0]", SUBMIT, Answer(Status.OK, order("pending_new")))
        told.finished(2, "steps[0]", "close_all", outputs={"closed": "1", "canceled": "0"})

    assert lines(close, text=text) == [" 1/1 close_all  done     1 closed · 0 cancelled (2.0s)"]


def test_an_order_still_unknown_at_the_end_is_loud() -> None:
    def suspend(told: Told) -> None:
        told.asked(150, "", Suspend((CLIENT_ID,)))

    said = lines(lose_the_answer, suspend)[-1]
    assert said.startswith("!")
    assert said.endswith(f"unknown  still not known: order {CLIENT_ID}")


def test_a_skipped_step_says_its_condition() -> None:
    def skip(told: Told) -> None:
        told.event(1, "steps[1]", "decision", about="when", expression="params.go", verdict="false")
        told.event(1, "steps[1]", "step.skipped", action="submit_order", reason="its condition")

    assert lines(skip) == [" 2/6 Buy below the market      skipped  params.go is false"]


def test_a_wait_says_what_for_and_how_long() -> None:
    text = "runbook: 1\nname: w\nsymbols: [AAPL]\nsteps:\n  - wait: {for: 90s}\n"

    def wait(told: Told) -> None:
        told.started(0, "steps[0]", "wait", **{"for": "90s"})
        told.does(0, 90, "steps[0]", Sleep(at(90)), Answer(Status.OK))
        told.finished(90, "steps[0]", "wait", outputs={"waited": "90s"})

    assert lines(wait, text=text) == [
        " 1/1 wait  waiting  for 90s (Mon 23 Nov 10:01 New York), 1m 30s left",
        " 1/1 wait  done     waited 1m 30s (1m 30s)",
    ]


def test_a_polled_wait_is_told_once() -> None:
    text = "runbook: 1\nname: w\nsymbols: [AAPL]\nsteps:\n  - wait: {for: 90s}\n"

    def poll(told: Told) -> None:
        told.started(0, "steps[0]", "wait", until="polled.bid >= 190", poll="get_quote")
        for second in (0, 5, 10):
            told.does(second, second + 5, "steps[0]", Sleep(at(second + 5)), Answer(Status.OK))

    assert lines(poll, text=text) == [" 1/1 wait  waiting  until polled.bid >= 190"]


def test_steps_of_a_loop_are_shown_by_their_path() -> None:
    def loop(told: Told) -> None:
        path = "steps[1].for_each[1].steps[0]"
        told.started(0, path, "submit_order")
        told.does(0, 1, path, SUBMIT, Answer(Status.OK, order("new")))
        told.finished(1, path, "submit_order", outputs={})

    said = lines(loop)
    assert len(said) == 1
    assert said[0].startswith(" 2/6 for_each[1] submit_order  sent     buy 1 AAPL limit")


def test_a_path_nobody_declared_does_not_break_the_view() -> None:
    def strange(told: Told) -> None:
        told.finished(1, "elsewhere[7]", "brand_new", outputs={"found": "3", "of": "4"})
        told.finished(1, "steps[0]", "check_account", outputs={"equity": None, "odd": ["1"]})
        told.event(1, "", "something.new", anything={"at": "all"})
        told.asked(1, "", ReadOrder(ORDER_ID))

    assert lines(strange) == [
        f"     {'brand_new':<24}  done     found 3 · of 4",
        " 1/6 check_account             done",
    ]


def test_what_the_broker_says_never_reaches_the_terminal_as_a_command() -> None:
    hostile = "bad \x1b[2J\x1b]0;owned\x07 \u202e[bold]x[/bold] :smile: \x9b31m\nsecond line"

    def speak(told: Told) -> None:
        told.event(0, "", "run.bound", account_number=hostile, status=hostile)
        told.does(0, 1, "steps[1]", Submit(CLIENT_ID, {**BODY, "symbol": hostile}),
                  Answer(Status.UNKNOWN, problem=Problem(Reason.OTHER, hostile)))  # fmt: skip
        told.does(1, 2, "steps[1]", LOOKUP, Answer(Status.OK, order(hostile)))
        told.finished(2, "steps[1]", hostile, hostile, outputs={hostile: hostile},
                      error={"message": hostile})  # fmt: skip

    printed = plain([speak])
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", printed)
    assert "<U+001B>[2J" in printed
    assert "[bold]x[/bold] :smile:" in printed
    assert len(printed.splitlines()) == 3 + 5


def test_colour_only_wraps_the_word() -> None:
    painted = plain([whole_run], color=True)
    assert "\x1b[32msent    \x1b[0m buy 1 AAPL" in painted
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == plain([whole_run])


def test_a_step_left_in_the_middle_is_said_at_the_end() -> None:
    stream = io.StringIO()
    view = PlainView(about(), stream, color=False)
    Told(view).started(0.3, "steps[1]", "submit_order")
    Told(view).asked(0.3, "steps[1]", SUBMIT)
    view.conclude(result("unknown", 8))
    assert stream.getvalue().splitlines()[0] == (
        "!2/6 Buy below the market      left     left while sending buy 1 AAPL limit 180.00 day"
    )


@pytest.mark.parametrize(
    ("name", "leave"),
    [("SIGINT", "Press Ctrl-C again to leave"), ("SIGTERM", "Ctrl-C (or kill -INT) leaves")],
)
def test_a_first_signal_is_said_at_once_past_every_buffer(name: str, leave: str) -> None:
    read, write = os.pipe()
    with os.fdopen(read, "rb") as reader, os.fdopen(write, "w") as stream:
        view = PlainView(about(), stream, color=False)
        view.signal(name)
        said = os.read(reader.fileno(), 4096).decode()
    assert said == (
        f"{name}: stopping safely: no further step begins; finishing cleanup. {leave} at once.\n"
    )


def test_a_signal_on_a_stream_without_a_descriptor_comes_before_the_next_line() -> None:
    stream = io.StringIO()
    view = PlainView(about(), stream, color=False)
    view.signal("SIGINT")
    assert stream.getvalue() == ""
    begin(Told(view))
    assert stream.getvalue().startswith("SIGINT: stopping safely")
