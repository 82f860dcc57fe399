"""The control API: the world moved by hand, and what happened in it read back."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.sim import (
    Exchange,
    FlowingClock,
    Request,
    Response,
    Served,
    VirtualClock,
    default_scenario,
    load_scenario,
    read_scenario,
)
from runner.sim.control import ROUTES, control
from runner.sim.wire import encode

KEYS = {"apca-api-key-id": "k", "apca-api-secret-key": "s"}
HOST = {"host": "127.0.0.1:8787"}
ORDER = {"symbol": "AAPL", "qty": "1", "side": "buy", "type": "market", "time_in_force": "day"}


class World:
    """A served exchange without its server."""

    def __init__(self, *, flowing: bool = False, **changes: Any) -> None:
        scenario = default_scenario(**changes)
        clock = FlowingClock(scenario.start) if flowing else VirtualClock(scenario.start)
        self.served = Served(Exchange(scenario), clock)

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = Request(method, f"/sim{path}", query, HOST, b"" if body is None else content)
        return control(self.served, request)

    def get(self, path: str, **query: str) -> Any:
        response = self.ask("GET", path, **query)
        assert response.status == 200, response.body
        return json.loads(encode(response.body))

    def trade(self, method: str, path: str, body: Any = None) -> Any:
        content = b"" if body is None else json.dumps(body).encode()
        delivery = self.served.deliver(Request(method, f"/v2/{path}", {}, KEYS, content))
        return delivery.response and delivery.response.body


def test_the_overview_counts_what_there_is() -> None:
    world = World(seed=7)
    world.trade("POST", "orders", ORDER)
    found = world.get("")
    assert (found["simulated"], found["seed"]) == (True, 7)
    assert (found["orders"], found["requests"], found["faults"]) == (1, 1, 0)
    assert found["clock"]["session"] == "regular"


# ------------------------------------------------------------------------- time


def test_time_jumps_to_a_moment_and_by_a_duration() -> None:
    world = World()
    assert (
        world.ask("POST", "/clock", {"to": "2026-11-23 15:59"})
        .body["now"]
        .startswith("2026-11-23T20:59:00")
    )
    after = world.ask("POST", "/clock", {"by": "2m"}).body
    assert (after["session"], after["speed"], after["virtual"]) == ("afterhours", None, True)


def test_everything_on_the_way_happens() -> None:
    world = World()
    world.trade("POST", "orders", ORDER)
    world.ask("POST", "/clock", {"by": "1s"})
    assert world.get("/orders")["rows"][0]["status"] == "filled"


@pytest.mark.parametrize("flowing", [False, True])
def test_a_jump_that_stops_at_a_change_ends_there(flowing: bool) -> None:
    world = World(flowing=flowing)
    world.trade("POST", "orders", ORDER)
    before = world.served.now()
    world.ask("POST", "/clock", {"by": "1h", "stop_at": "change"})
    assert world.served.now() - before < timedelta(seconds=5)
    world.ask("POST", "/clock", {"by": "1m"})
    (order,) = world.get("/orders")["rows"]
    assert order["status"] == "filled"
    before = world.served.now()
    world.ask("POST", "/clock", {"by": "1h", "stop_at": "change"})
    assert world.served.now() - before >= timedelta(hours=1), "nothing was open any more"


@pytest.mark.parametrize("body", [{"by": "1h", "stop_at": "noon"}, {"stop_at": "change"}])
def test_a_jump_that_stops_nowhere_known_is_refused(body: dict[str, str]) -> None:
    assert World().ask("POST", "/clock", body).status == 422


def test_a_flowing_clock_jumps_and_changes_its_speed() -> None:
    world = World(flowing=True)
    found = world.ask("POST", "/clock", {"by": "1h", "speed": "60"}).body
    assert found["speed"] == "60"
    assert found["now"] > "2026-11-23T16:00:00"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"to": "2026-11-23 09:00"}, "time goes forward"),
        ({"to": "yesterday"}, "expected a New York time"),
        ({"by": "-5s"}, "expected a time"),
        ({"speed": 5}, "moves only when told"),
        ({"to": "2026-11-24", "by": "5s"}, "give `to` a time or `by` a duration"),
        ({"at": "2026-11-24"}, "at: is not known here"),
        ({}, "give `to` a time"),
    ],
)
def test_a_jump_that_makes_no_sense_is_refused(body: Any, message: str) -> None:
    world = World()
    before = world.get("/clock")
    response = world.ask("POST", "/clock", body)
    assert response.status == 422
    assert message in response.body["message"]
    assert world.get("/clock") == before


# ------------------------------------------------------------------------- prices


def test_a_price_that_is_set_holds_and_fills_what_waited_for_it() -> None:
    world = World()
    order = world.trade("POST", "orders", {**ORDER, "type": "limit", "limit_price": "260"})
    world.ask("POST", "/clock", {"by": "1m"})
    assert world.get("/orders")["rows"][0]["status"] == "new"
    told = world.ask("POST", "/prices", {"AAPL": "255.50"}).body
    assert told["AAPL"]["price"] == "255.5"
    world.ask("POST", "/clock", {"by": "1s"})
    found = world.get("/orders")["rows"][0]
    assert (found["id"], found["status"]) == (order["id"], "filled")
    world.ask("POST", "/clock", {"by": "20h"})
    assert world.get("/prices")["AAPL"]["price"] == "255.5"


def test_a_price_takes_its_own_bid_and_ask() -> None:
    world = World()
    body = {"AAPL": {"price": "100", "bid": "99", "ask": "101"}}
    assert world.ask("POST", "/prices", body).body == body


def test_a_price_far_away_takes_back_a_fill_that_was_to_come() -> None:
    world = World()
    world.trade("POST", "orders", {**ORDER, "type": "limit", "limit_price": "280"})
    world.ask("POST", "/prices", {"AAPL": "300"})
    world.ask("POST", "/clock", {"by": "1m"})
    assert world.get("/orders")["rows"][0]["status"] == "new"
    world.ask("POST", "/prices", {"AAPL": "280", "F": "9"})
    world.ask("POST", "/prices", {"AAPL": "279"})
    world.ask("POST", "/clock", {"by": "1s"})
    assert world.get("/orders")["rows"][0]["status"] == "filled"


def test_trailing_and_plain_stops_meet_the_price_that_is_set() -> None:
    world = World()
    world.trade("POST", "orders", {**ORDER, "qty": "2"})
    world.ask("POST", "/clock", {"by": "1s"})
    sell = {**ORDER, "side": "sell", "time_in_force": "gtc"}
    world.trade("POST", "orders", {**sell, "type": "stop", "stop_price": "250"})
    world.trade("POST", "orders", {**sell, "type": "trailing_stop", "trail_price": "5"})
    world.ask("POST", "/prices", {"AAPL": "300"})
    world.ask("POST", "/clock", {"by": "1s"})
    assert world.get("/orders")["rows"][2]["stop_price"] == "295"
    world.ask("POST", "/prices", {"AAPL": "294"})
    world.ask("POST", "/clock", {"by": "2s"})
    assert [row["status"] for row in world.get("/orders")["rows"]] == ["filled", "new", "filled"]
    world.ask("POST", "/prices", {"AAPL": "249"})
    world.ask("POST", "/clock", {"by": "2s"})
    assert world.get("/orders")["rows"][1]["status"] == "filled"


def test_a_rise_that_was_to_come_does_not_move_a_trailing_stop_any_more() -> None:
    rise = read_scenario({"tape": {"AAPL": [["0s", "270"], ["1h", "320"]]}})
    world = World(tape=rise.tape, prices=rise.prices)
    world.trade("POST", "orders", ORDER)
    world.ask("POST", "/clock", {"by": "1s"})
    sell = {**ORDER, "side": "sell", "type": "trailing_stop", "trail_price": "5"}
    world.trade("POST", "orders", sell)
    world.ask("POST", "/clock", {"by": "1s"})
    world.ask("POST", "/prices", {"AAPL": "272"})
    world.ask("POST", "/clock", {"by": "2h"})
    found = world.get("/orders")["rows"][1]
    assert (found["status"], found["hwm"], found["stop_price"]) == ("new", "272", "267")


def test_an_option_follows_the_price_that_its_underlying_is_set_to() -> None:
    world = World()
    tape, now = world.served.exchange.tape, world.served.now()
    listed = world.trade("GET", "options/contracts")["option_contracts"]
    call = next(
        row["symbol"] for row in listed if "AAPL" in row["symbol"] and row["type"] == "call"
    )
    price = str(round(tape.last(call, now) / 2, 1))
    body = {**ORDER, "symbol": call, "type": "limit", "limit_price": price}
    assert world.trade("POST", "orders", body)["status"] == "pending_new"
    world.ask("POST", "/clock", {"by": "1m"})
    assert world.get("/orders")["rows"][0]["status"] == "new"
    world.ask("POST", "/prices", {"AAPL": "150"})
    world.ask("POST", "/clock", {"by": "1m"})  # premiums change with the minute
    assert world.get("/orders")["rows"][0]["status"] == "filled"


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"NOPE": "1"}, 404, "the scenario has no symbol 'NOPE'"),
        ({"AAPL": "0"}, 422, "AAPL: a price is above 0"),
        ({"AAPL": {"price": 1, "bid": 1}}, 422, "`bid` and `ask` together"),
        ({"AAPL": {"price": 1, "bid": 2, "ask": 1}}, 422, "the bid is not above the ask"),
        ({}, 422, "give prices by symbol"),
        (b"{", 400, "request body format is invalid"),
    ],
)
def test_a_wrong_price_is_refused(body: Any, status: int, message: str) -> None:
    response = World().ask("POST", "/prices", body)
    assert (response.status, message in response.body["message"]) == (status, True)


# ------------------------------------------------------------------------- faults


def test_faults_are_armed_listed_and_cleared() -> None:
    world = World()
    armed = world.ask("POST", "/faults", {"fault": "drop", "method": "POST", "nth": 2})
    assert (armed.status, armed.body["id"]) == (201, 1)
    world.ask("POST", "/faults", {"fault": "stream_lose"})
    world.trade("POST", "orders", ORDER)
    assert world.trade("POST", "orders", ORDER) is None
    assert [(row["fault"], row["matched"], row["acted"]) for row in world.get("/faults")] == [
        ("drop", 2, 1),
        ("stream_lose", 0, 0),
    ]
    assert world.ask("DELETE", "/faults/1").status == 204
    assert world.ask("DELETE", "/faults/1").status == 404
    assert world.ask("DELETE", "/faults/one").status == 404
    assert world.ask("DELETE", "/faults").status == 204
    assert world.get("/faults") == []


def test_a_wrong_fault_is_refused_in_words() -> None:
    response = World().ask("POST", "/faults", {"fault": "drop", "nth": "never"})
    assert response.status == 422
    assert response.body["message"].startswith("the fault.nth: expected a number")


# ------------------------------------------------------------------------- scenarios


def test_a_scenario_begins_anew() -> None:
    world = World()
    world.trade("POST", "orders", ORDER)
    response = world.ask("POST", "/scenario", b"start: 2026-11-27 12:30\ncash: 500\nseed: 3")
    assert (response.status, response.body["orders"], response.body["seed"]) == (200, 0, 3)
    assert world.get("/clock")["new_york"].startswith("2026-11-27T12:30:00")
    assert world.trade("GET", "account")["cash"] == "500"


def test_shipped_scenarios_are_listed_and_loaded_by_name() -> None:
    world = World()
    assert "early-close" in world.get("/scenarios")
    assert world.ask("POST", "/scenarios/early-close").status == 200
    assert world.get("/clock")["new_york"].startswith("2026-11-27")
    assert world.ask("POST", "/scenarios/nowhere").status == 422


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"cash: 5\ncolour: red", "scenario:2:1: colour: is not a field of a scenario"),
        (b"tape: {F: ../secrets.csv}", "a CSV file is only read beside a scenario file"),
        (b"[" * 50_000, "is nested more than 32 deep"),
        (b"a: &x 1\nb: *x", "anchors and aliases are not read"),
        (b"\xff\xfe\x00", "is not UTF-8 text"),
    ],
)
def test_a_wrong_scenario_is_refused_and_the_old_one_goes_on(text: bytes, message: str) -> None:
    world = World()
    world.trade("POST", "orders", ORDER)
    response = world.ask("POST", "/scenario", text)
    assert response.status == 422
    assert message in response.body["message"]
    assert world.get("")["orders"] == 1


# ------------------------------------------------------------------------- snapshots


def play(world: World) -> list[bytes]:
    """Orders, a wait, a fault, a price: everything that a snapshot must bring back."""
    answers = []
    for number in range(4):
        body = {**ORDER, "qty": "10", "side": "sell" if number == 2 else "buy"}
        answers.append(encode(world.trade("POST", "orders", body)))
        world.served.sleep_until(world.served.now() + timedelta(seconds=2))
    for path in ("orders", "positions", "account", "account/activities"):
        answers.append(encode(world.trade("GET", path)))
    return answers


def test_a_restored_snapshot_goes_on_byte_for_byte() -> None:
    world = World()
    fault = {"fault": "partial_fill", "part": "50%", "time": "1s", "chance": "50%"}
    world.ask("POST", "/faults", fault)
    play(world)
    world.ask("POST", "/prices", {"AAPL": "123.45"})
    before = world.served.now()
    assert world.ask("PUT", "/snapshots/before").status == 201
    first = play(world)
    world.ask("POST", "/prices", {"AAPL": "99"})
    assert world.ask("POST", "/snapshots/before/restore").status == 200
    assert world.served.now() == before
    assert play(world) == first
    assert world.get("/snapshots") == ["before"]
    assert world.ask("DELETE", "/snapshots/before").status == 204
    assert world.ask("POST", "/snapshots/before/restore").status == 404


# ------------------------------------------------------------------------- what happened


def test_what_happened_is_read_in_pages() -> None:
    world = World()
    for _ in range(5):
        world.trade("POST", "orders", ORDER)
    first = world.get("/orders", limit="2")
    assert ([row["number"] for row in first["rows"]], first["next"]) == ([1, 2], 2)
    last = world.get("/orders", after="4", limit="2")
    assert ([row["number"] for row in last["rows"]], last["next"]) == ([5], None)
    world.ask("POST", "/clock", {"by": "1s"})
    names = [row["event"] for row in world.get("/events")["rows"]]
    assert sorted(set(names)) == ["fill", "new", "pending_new"]
    requests = world.get("/requests", after="3")
    assert [row["number"] for row in requests["rows"]] == [4, 5]
    assert requests["rows"][0]["status"] == 200
    assert world.get("/orders", after="999")["rows"] == []


# ------------------------------------------------------------------------- who may ask


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"host": "127.0.0.1:8787"}, True),
        ({"host": "localhost:8787"}, True),
        ({"host": "[::1]:8787"}, True),
        ({"host": "[::1]"}, True),
        ({"host": "localhost"}, True),
        ({"host": "rebound.example:8787"}, False),
        ({}, False),
        ({"host": "127.0.0.1:8787", "origin": "https://example.com"}, False),
    ],
)
def test_web_pages_are_kept_out(headers: dict[str, str], allowed: bool) -> None:
    response = control(World().served, Request("GET", "/sim/clock", {}, headers))
    assert (response.status == 200) is allowed


@pytest.mark.parametrize("path", ["/sim/", "/sim/nothing", "/sim/clock/now"])
def test_an_unknown_path_is_told_what_there_is(path: str) -> None:
    response = control(World().served, Request("PATCH", path, {}, HOST))
    assert response.status == 404
    assert "GET /sim/clock" in response.body["message"]


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'"x"', b"\xff", b'{"to": [1]}'])
@pytest.mark.parametrize(("method", "path"), sorted(ROUTES))
def test_no_body_makes_the_control_api_fail(method: str, path: str, body: bytes) -> None:
    world = World()
    response = world.ask(method, "/" + path.replace("*", "x"), body)
    assert response.status < 500
    assert response.status < 400 or isinstance(response.body["message"], str)


def test_a_scenario_file_may_hold_faults(tmp_path: Path) -> None:
    path = tmp_path / "faulty.yaml"
    path.write_text(
        "faults:\n  - {fault: answer, status: 504, commit: yes, method: POST, first: 1}\n"
        "  - fault: late_reject\n    symbol: F\n    time: 3s\n"
    )
    faults = load_scenario(path).faults
    assert [fault.effect for fault in faults] == ["answer", "late_reject"]
    assert faults[1].time == timedelta(seconds=3)


def test_every_request_is_read_back_also_the_earliest() -> None:
    world = World(rate_limit=None)
    for _ in range(5000):
        world.trade("GET", "clock")
    world.trade("POST", "orders", ORDER)
    found = world.get("/requests", after="0", limit="2")
    assert (found["total"], found["next"]) == (5001, 2)
    assert [row["number"] for row in found["rows"]] == [1, 2]
    assert found["rows"][0]["path"] == "/v2/clock"
    last = world.get("/requests", after="5000")["rows"][0]
    assert json.loads(last["body"]) == ORDER


def test_an_option_is_given_a_price_and_shown_with_the_others() -> None:
    world = World()
    symbol = "AAPL261204C00270000"
    assert symbol not in world.get("/prices")
    assert (
        world.ask("POST", "/prices", {symbol: {"price": "7", "bid": "6.9", "ask": "7.1"}}).status
        == 200
    )
    assert world.get("/prices")[symbol] == {"price": "7", "bid": "6.9", "ask": "7.1"}
