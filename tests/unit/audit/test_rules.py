"""For each rule a log that breaks it and no other, made from one that breaks none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from unit.audit.audit_sample import (
    Script,
    intent,
    new_id,
    order,
    outcome,
    request,
    response,
    rewrite,
    started,
    ticking,
    whole_run,
    write,
    write_whole,
)

from runner.audit import rules
from runner.audit.canonical import digest
from runner.audit.journal import Journal
from runner.audit.records import Rule
from runner.audit.rules import recent
from runner.audit.verify import verify, verify_directory

RUN = new_id()
KEY_ID = "PK" + "7QXM4ZT2LWVB9CHNDR"


def broken(path: Path) -> set[Rule]:
    """The rules that a log, or what is in its directory, breaks."""
    return {finding.rule for report in verify(path) for finding in report.findings}


def named(kind: str, **changes: Any) -> dict[str, Any]:
    return {**order("0", "new"), "id": kind, "client_order_id": "rb-one", **changes}


def at(place: int, data: dict[str, Any]) -> Callable[[Script], Script]:
    """The log with other data in one record."""
    return lambda script: [
        (kind, data if place == here else old) for here, (kind, old) in enumerate(script)
    ]


def seen(*orders: dict[str, Any]) -> Callable[[Script], Script]:
    """The log in which the broker shows these orders, one after the other."""
    first, second = orders
    return lambda script: at(13, outcome(3, data={"orders": [second]}))(
        at(11, outcome(2, data=first))(script)
    )


# Each of these has right hashes all the way, so nothing but its own rule can find it.
TAMPERED: dict[Rule, Callable[[Script], Script]] = {
    Rule.SHAPE: at(14, {"status": "splendid", "outputs": {}}),
    Rule.RUNBOOK: at(
        0, started(runbook=started()["runbook"] | {"text": "runbook: 1\nname: another\n"})
    ),
    Rule.ORDER: lambda script: [*script, ("signal", {"name": "SIGINT"})],
    Rule.INTENT: at(9, request(2, RUN, body='{"qty": "9"}')),
    Rule.GUARD: lambda script: [one for one in script if one[0] != "guard"],
    Rule.IDENTITY: seen(named("one"), named("another")),
    Rule.FILLS: seen(named("one", filled_qty="2"), named("one", filled_qty="1")),
    Rule.STATUS: seen(named("one", status="canceled"), named("one", status="partially_filled")),
    Rule.TARGET: at(4, request(1, RUN, url="https://api.alpaca.markets/v2/clock")),
    Rule.SECRET: at(14, {"status": "done", "outputs": {"note": f"as {KEY_ID} says"}}),
}


def changed_bytes(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


DAMAGED: dict[Rule, Callable[[bytes], bytes]] = {
    Rule.TORN: lambda content: content[:-9],
    Rule.BYTES: lambda content: content.replace(b'"v":1}', b'"v": 1}', 1),
    Rule.HASH: lambda content: content.replace(b'"AAPL"', b'"MSFT"', 1),
    Rule.CHAIN: lambda content: b"".join(
        line for at, line in enumerate(content.splitlines(keepends=True)) if at != 4
    ),
}


def test_the_log_that_they_are_made_from_breaks_none(tmp_path: Path) -> None:
    assert broken(write_whole(tmp_path)) == set()


@pytest.mark.parametrize("rule", TAMPERED)
def test_a_log_that_breaks_one_rule_is_found_and_the_rule_is_named(
    tmp_path: Path, rule: Rule
) -> None:
    path = write(tmp_path, TAMPERED[rule](whole_run(RUN)), RUN)
    (report,) = verify(path)
    assert {finding.rule for finding in report.findings} == {rule}
    assert report.exit_code == 9
    assert all(finding.seq is not None for finding in report.findings)


@pytest.mark.parametrize("rule", DAMAGED)
def test_damage_to_the_bytes_is_found_and_the_rule_is_named(tmp_path: Path, rule: Rule) -> None:
    path = write(tmp_path, whole_run(RUN)[:9], RUN, close=None)
    changed_bytes(path, DAMAGED[rule])
    assert broken(path) == {rule}


def test_every_rule_has_a_log_that_breaks_it() -> None:
    elsewhere = {Rule.LEDGER, Rule.SIGNATURE}  # below, and in test_signing.py
    assert set(TAMPERED) | set(DAMAGED) | elsewhere == set(Rule)


# --------------------------------------------------------------------------- the ledger


def test_a_cut_tail_is_found(tmp_path: Path) -> None:
    path = write_whole(tmp_path)
    changed_bytes(path, lambda content: b"".join(content.splitlines(keepends=True)[:-3]))
    assert broken(path) == {Rule.LEDGER}


def test_a_missing_log_is_found(tmp_path: Path) -> None:
    write_whole(tmp_path, seed=1)
    write_whole(tmp_path, seed=2).unlink()
    states = {report.path.stem: report for report in verify_directory(tmp_path)}
    assert states[new_id(2)].state == "missing"
    assert broken(tmp_path) == {Rule.LEDGER}


def test_a_log_that_was_put_into_a_directory_is_found(tmp_path: Path) -> None:
    write_whole(tmp_path / "here", seed=1)
    foreign = write_whole(tmp_path / "there", seed=2)
    copied = tmp_path / "here" / foreign.name
    copied.write_bytes(foreign.read_bytes())
    for place in (copied, tmp_path / "here"):
        assert broken(place) == {Rule.LEDGER}
    (finding,) = verify(copied)[0].findings
    assert "it was put here" in finding.message


def test_a_ledger_that_lost_its_end_is_found_by_the_logs_that_it_does_not_name(
    tmp_path: Path,
) -> None:
    write_whole(tmp_path, seed=1)
    kept = (tmp_path / "ledger.jsonl").read_bytes()
    path = write_whole(tmp_path, seed=2)
    (tmp_path / "ledger.jsonl").write_bytes(kept)
    (finding,) = verify(path)[0].findings
    assert "the ledger's end was cut off" in finding.message


def test_a_swapped_log_is_found(tmp_path: Path) -> None:
    one, other = write_whole(tmp_path, seed=1), write_whole(tmp_path, seed=2)
    first = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(first)
    for path in (one, other):
        assert broken(path) == {Rule.LEDGER}


def test_a_log_rewritten_with_right_hashes_is_found(tmp_path: Path) -> None:
    path = write_whole(tmp_path)
    rewrite(path, at(14, {"status": "done", "outputs": {"order_id": "another"}}))
    # The sample's steps are lost in rewriting, and with them the guards' place.
    assert broken(path) == {Rule.LEDGER}


def test_an_empty_log_of_a_run_that_died_at_once_is_no_damage(tmp_path: Path) -> None:
    write_whole(tmp_path, seed=1)
    (tmp_path / f"{new_id(2)}.jsonl").touch()
    assert broken(tmp_path) == set()


@pytest.mark.parametrize("name", [f"{new_id(2)}.jsonl", "notes.jsonl"])
def test_an_empty_file_that_no_ledger_knows_proves_nothing(tmp_path: Path, name: str) -> None:
    if name.startswith("notes"):
        write_whole(tmp_path, seed=1)
    (tmp_path / name).touch()
    (report,) = verify(tmp_path / name)
    assert (report.state, report.exit_code) == ("empty", 9)
    assert "proves nothing" in report.findings[0].message


def test_a_run_that_begins_while_its_directory_is_verified_is_not_called_foreign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger is read before the logs; what a run does in between is no damage."""
    write_whole(tmp_path, seed=1)
    real = __import__("runner.audit.verify", fromlist=["logs_in"]).logs_in

    def beginning(directory: Path) -> list[Path]:
        write(tmp_path, whole_run(new_id(2))[:5], new_id(2), close=None)
        found: list[Path] = real(directory)
        return found

    monkeypatch.setattr("runner.audit.verify.logs_in", beginning)
    assert broken(tmp_path) == set()


# ------------------------------------------------------------------- guards before writes


def judged(*verdicts: str) -> Script:
    guards: Script = [("guard", {"guard": "collar", "verdict": one}) for one in verdicts]
    script = whole_run(RUN)
    return [*script[:7], *guards, *script[8:]]


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        ((), "no guard had let it pass"),
        (("pass", "refuse"), "a guard had refused it"),
        (("pass", "exempt"), "only reduces a position"),
        (("off",), "no guard had let it pass"),
    ],
)
def test_an_order_that_no_guard_let_pass_is_found(
    tmp_path: Path, verdicts: tuple[str, ...], words: str
) -> None:
    (report,) = verify(write(tmp_path, judged(*verdicts), RUN))
    assert [finding.rule for finding in report.findings] == [Rule.GUARD]
    assert words in report.findings[0].message


def test_a_warning_and_a_guard_that_is_off_let_an_order_pass(tmp_path: Path) -> None:
    assert broken(write(tmp_path, judged("pass", "warn", "off"), RUN)) == set()


@pytest.mark.parametrize(
    ("opens", "rules_broken"), [(False, set()), (True, {Rule.GUARD}), (None, {Rule.GUARD})]
)
def test_only_an_order_that_says_so_needs_no_guard(
    tmp_path: Path, opens: bool | None, rules_broken: set[Rule]
) -> None:
    script = [one for one in whole_run(RUN) if one[0] != "guard"]
    effect = {**intent(2, RUN)["effect"], "opens": opens}
    data = {"n": 2, "effect": effect, "digest": digest(effect)}
    assert broken(write(tmp_path, at(7, data)(script), RUN)) == rules_broken


def test_verdicts_of_another_moment_do_not_count(tmp_path: Path) -> None:
    script = whole_run(RUN)
    earlier = [*script[:3], script[7], *script[3:7], *script[8:]]
    assert broken(write(tmp_path, earlier, RUN)) == {Rule.GUARD}


def test_verdicts_of_another_step_do_not_count(tmp_path: Path) -> None:
    for judging, rules_broken in (("steps[0]", set()), ("steps[1]", {Rule.GUARD})):
        with Journal.create(tmp_path / judging, RUN, wall=ticking()) as journal:
            for kind, data in whole_run(RUN):
                journal.append(kind, data, step=judging if kind == "guard" else "steps[0]")
        assert broken(journal.path) == rules_broken


# ---------------------------------------------------------------------------- statuses


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("pending_new", "new"),
        ("accepted", "new"),
        ("held", "new"),
        ("new", "accepted"),
        ("partially_filled", "done_for_day"),
        ("done_for_day", "new"),
        ("pending_cancel", "filled"),
        ("pending_cancel", "partially_filled"),
        ("pending_replace", "new"),
        ("pending_replace", "replaced"),
        ("filled", "filled"),
        ("filled", "a_status_of_next_year"),
        ("a_status_of_next_year", "new"),
    ],
)
def test_a_legal_change_of_status_is_believed(tmp_path: Path, before: str, after: str) -> None:
    shown = seen(named("one", status=before), named("one", status=after))
    assert broken(write(tmp_path, shown(whole_run(RUN)), RUN)) == set()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("filled", "new"),
        ("filled", "canceled"),
        ("canceled", "filled"),
        ("expired", "new"),
        ("rejected", "accepted"),
        ("replaced", "pending_cancel"),
        ("partially_filled", "pending_new"),
        ("new", "pending_new"),
    ],
)
def test_an_illegal_change_of_status_is_found(tmp_path: Path, before: str, after: str) -> None:
    shown = seen(named("one", status=before), named("one", status=after))
    (report,) = verify(write(tmp_path, shown(whole_run(RUN)), RUN))
    assert [(one.rule, one.seq) for one in report.findings] == [(Rule.STATUS, 14)]
    assert f"is {after}, after it was {before}" in report.findings[0].message


def test_one_outcome_may_show_an_order_before_and_after_its_end(tmp_path: Path) -> None:
    both = outcome(3, data={"orders": [named("one", status="filled"), named("one")]})
    script = at(13, both)(at(11, outcome(2, data=named("one")))(whole_run(RUN)))
    assert broken(write(tmp_path, script, RUN)) == set()


@pytest.mark.parametrize("turned", [False, True])
def test_an_end_that_was_shown_beside_something_older_counts(tmp_path: Path, turned: bool) -> None:
    both = [named("one", status="filled"), named("one")]
    shown = outcome(2, data={"orders": both[::-1] if turned else both})
    script = at(13, outcome(3, data=named("one")))(at(11, shown)(whole_run(RUN)))
    (report,) = verify(write(tmp_path, script, RUN))
    assert [(one.rule, one.seq) for one in report.findings] == [(Rule.STATUS, 14)]


def test_an_order_that_came_back_stays_ended(tmp_path: Path) -> None:
    script = seen(named("one", status="filled"), named("one"))(whole_run(RUN))
    again: Script = [
        ("effect.intent", {**intent(3, RUN), "n": 4}),
        ("effect.outcome", outcome(4, data=named("one"))),
    ]
    (report,) = verify(write(tmp_path, [*script[:-1], *again, script[-1]], RUN))
    assert [one.seq for one in report.findings] == [14, 18]


def test_legs_without_a_client_order_id_are_not_one_order(tmp_path: Path) -> None:
    unnamed = ("", "", None, None)
    legs = [named(f"leg {at}", client_order_id=name) for at, name in enumerate(unnamed)]
    script = at(11, outcome(2, data={**named("one"), "legs": [*legs, named("another")]}))
    assert broken(write(tmp_path, script(whole_run(RUN)), RUN)) == {Rule.IDENTITY}
    script = at(11, outcome(2, data={**named("one"), "legs": legs}))
    assert broken(write(tmp_path / "without", script(whole_run(RUN)), RUN)) == set()


# ------------------------------------------------------------------------------ secrets


@pytest.mark.parametrize(
    "text",
    [
        KEY_ID,
        "AK" + KEY_ID[2:],
        f"{KEY_ID}ABC123",
        f'{{"key": "{KEY_ID}"}}',
        "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.e30",
        "APCA-API-SECRET-KEY: kHq0Zr8cV1yXw2dPs3TfLm4NbQa5Ru6Ej7Gi9Ko0",
        'ALPACA_SECRET_KEY="kHq0Zr8cV1yXw2dPs3TfLm4NbQa5Ru6Ej7Gi9Ko0"',
        '{"APCA_API_SECRET_KEY": "kHq0Zr8cV1yXw2dPs3TfLm4NbQa5Ru6Ej7Gi9Ko0"}',
    ],
)
def test_a_credential_in_a_record_is_found_and_not_repeated(tmp_path: Path, text: str) -> None:
    data = {"status": "failed", "outputs": {}, "error": {"message": text}}
    (report,) = verify(write(tmp_path, at(14, data)(whole_run(RUN)), RUN))
    assert [(one.rule, one.seq) for one in report.findings] == [(Rule.SECRET, 15)]
    assert KEY_ID[4:] not in report.findings[0].message
    assert "eyJ" not in report.findings[0].message
    assert "kHq0" not in report.findings[0].message


@pytest.mark.parametrize(
    "text",
    [
        "PK",
        "AKAM1261218C00100000",  # an option, and as long as a key
        "PKX261218P00015000",
        "the bearer of this",
        "APCA-API-SECRET-KEY: [redacted]",
        "ALPACA_SECRET_KEY is not set",
        "rb-k3v7c2mqzt5a6yrx-4q2xh7ndkwp3t6mzc5ya",
        KEY_ID.lower(),
        f"X{KEY_ID}",
        f"{KEY_ID}A",
    ],
)
def test_what_only_resembles_a_credential_is_none(tmp_path: Path, text: str) -> None:
    data = {"status": "done", "outputs": {"note": text}}
    assert broken(write(tmp_path, at(14, data)(whole_run(RUN)), RUN)) == set()


@pytest.mark.parametrize("name", ["APCA-API-KEY-ID", "Authorization", "set-cookie"])
def test_a_header_that_still_has_its_credential_is_found(tmp_path: Path, name: str) -> None:
    for value, rules_broken in (("[redacted]", set()), ("short", {Rule.SECRET})):
        sent = at(4, request(1, RUN, headers={name: value}))
        path = write(tmp_path / value, sent(whole_run(RUN)), RUN)
        assert broken(path) == rules_broken
        answered = at(5, {**response(1), "headers": {name: value}})
        path = write(tmp_path / value / "answer", answered(whole_run(RUN)), RUN)
        assert broken(path) == rules_broken


def test_a_secret_is_found_behind_damage_too(tmp_path: Path) -> None:
    path = write(tmp_path, TAMPERED[Rule.SECRET](whole_run(RUN)), RUN)
    changed_bytes(path, DAMAGED[Rule.HASH])
    assert broken(path) == {Rule.HASH, Rule.SECRET}


# ------------------------------------------------------------------------------- memory


def test_what_the_rules_remember_is_bounded() -> None:
    held: recent.Recent[int] = recent.Recent(limit=10)
    for number in range(100):
        held.set(str(number), number)
        assert held.get("0") == 0  # what is asked for again stays
        assert len(held._new) + len(held._old) <= 20
    assert [held.get(str(number)) for number in range(92, 100)] == list(range(92, 100))
    assert held.get("50") is None
    assert held.forgot


def test_a_log_of_more_orders_than_are_remembered_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent.Recent.__init__, "__defaults__", (2,))
    shown = [named(f"order {one}", client_order_id=f"rb-{one}") for one in range(9)]
    script = at(11, outcome(2, data={"orders": shown}))(whole_run(RUN))
    (report,) = verify(write(tmp_path, script, RUN))
    assert report.findings == ()
    assert any(str(rules.REMEMBERED) in note for note in report.notes)
