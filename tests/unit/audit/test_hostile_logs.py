"""A log whose hashes are right and whose content is nonsense is read without a traceback."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from unit.audit.audit_sample import Script, new_id, whole_run
from unit.audit.order_story import Told, shown, write_steps

from runner.cli import cli

HOSTILE = "\x1b[2J\x9b\u202e\r\n=1+1"
NONSENSE: list[Any] = [None, True, -1, "", HOSTILE, [], {}, [None, [1, {}]], {"id": {"id": []}}]
EVERY = int(os.environ.get("HOSTILE_EVERY", "29"))
"""Of so many places one is tried for each kind of nonsense; 1 tries all, in minutes."""
COMMANDS: list[list[str]] = [
    ["audit", "list"],
    ["audit", "list", "--json"],
    ["audit", "show", "RUN"],
    ["audit", "show", "RUN", "--json"],
    ["audit", "show", "RUN", "--wire"],
    ["audit", "show", "RUN", "--step", "steps[0]"],
    ["audit", "show", "RUN", "--why", "steps[0]"],
    ["audit", "show", "RUN", "--why", "steps[0]", "--json"],
    *(["audit", "export", "--what", what] for what in
      ("runs", "orders", "fills", "decisions", "guards", "effects")),
    ["audit", "export", "--what", "effects", "--format", "json"],
    ["replay", "RUN"],
    ["replay", "RUN", "--json"],
    ["replay", "RUN", "--step"],
]  # fmt: skip


def traded() -> Script:
    """A run with an order, a change of it, a decision, and a reading."""
    told = Told()
    told.submit("a", data=shown("a", legs=[shown("leg")]))
    told.effect({"effect": "read_quote", "symbol": "AAPL"},
                data={"quote": {"bp": "1", "t": "2026-11-23T14:30:00Z"}})  # fmt: skip
    told.script.append(("step.finished", {"id": "q", "status": "done", "outputs": {"bid": "1"}}))
    values = [{"name": "steps.q.bid", "value": "1", "certainty": "read"}]
    told.script.append(
        ("decision", {"about": "qty", "expression": "steps.q.bid", "verdict": "1",
                      "certainty": "read", "values": values})
    )  # fmt: skip
    change = {"effect": "replace", "order_id": "id-of-a", "client_order_id": "b", "body": {}}
    told.effect(change, data=shown("b", filled_qty="1", filled_avg_price="2"))
    told.finish(orders=[], positions=[], open_orders=[])
    return told.script


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in nested objects and lists, the whole included."""
    yield path
    inner: Any = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    for key, one in inner:
        yield from places(one, (*path, key))


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(value[path[0]], path[1:], new)
    return copy


def refuse_a_traceback(directory: Path, run: str) -> None:
    for command in COMMANDS:
        given = [run if word == "RUN" else word for word in command]
        result = CliRunner().invoke(cli, [*given, "--audit-dir", str(directory)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise AssertionError(f"{command}: {result.exception!r}") from result.exception
        assert all(char.isprintable() or char == "\n" for char in result.output), command


@pytest.mark.parametrize("script", [traded(), whole_run(new_id())], ids=["traded", "whole"])
@pytest.mark.parametrize("nonsense", NONSENSE, ids=repr)
def test_nonsense_in_every_place_is_read_without_a_traceback(
    tmp_path: Path, script: Script, nonsense: Any
) -> None:
    """One place a log: each kind of nonsense takes other places."""
    everywhere = [
        (index, path) for index, (_, data) in enumerate(script) for path in places(data) if path
    ]
    for number in range(NONSENSE.index(nonsense), len(everywhere), EVERY):
        hostile = list(script)
        index, path = everywhere[number]
        kind, data = hostile[index]
        hostile[index] = (kind, changed(data, path, nonsense))
        run = new_id(number % 256)
        write_steps(tmp_path / str(number), hostile, run, close=None)
        refuse_a_traceback(tmp_path / str(number), run)


def test_deep_nesting_is_read_without_a_traceback(tmp_path: Path) -> None:
    deep: dict[str, Any] = {"a": "end"}
    for _ in range(230):
        deep = {"a": deep}
    script = traded()
    script[2] = ("effect.outcome", {**script[2][1], "data": deep})
    script[6] = ("decision", {**script[6][1], "verdict": deep, "values": [deep]})
    write_steps(tmp_path, script, new_id(), close=None)
    refuse_a_traceback(tmp_path, new_id())


def test_half_a_log_of_any_length_is_read_without_a_traceback(tmp_path: Path) -> None:
    whole = write_steps(tmp_path / "whole", traded(), new_id(), close=None).read_bytes()
    for length in range(0, len(whole), 211):
        directory = tmp_path / str(length)
        directory.mkdir()
        (directory / f"{new_id()}.jsonl").write_bytes(whole[:length])
        refuse_a_traceback(directory, new_id())
