"""Which logs can be taken up again."""

from __future__ import annotations

from pathlib import Path

import pytest
from unit.audit.audit_sample import intent, new_id, order, outcome, started, write

from runner.audit.verify import verify
from runner.drive.unfinished import NotResumed, Unfinished, look_at

RUN = new_id()


def test_a_broker_that_was_behind_does_not_keep_a_run_from_being_resumed(tmp_path: Path) -> None:
    script = [
        ("run.started", started()),
        ("effect.intent", intent(1, RUN)),
        ("effect.outcome", outcome(1, data=order("1.5"))),
        ("effect.intent", intent(2, RUN)),
        ("effect.outcome", outcome(2, data=order("1"))),
    ]
    path = write(tmp_path, script, RUN, close=None)
    said = [finding.message for finding in verify(path)[-1].findings]
    assert any("1 filled, after 1.5 were" in message for message in said)
    assert isinstance(look_at(path), Unfinished)


def test_a_log_with_a_changed_byte_is_not_taken_up(tmp_path: Path) -> None:
    path = write(tmp_path, [("run.started", started())], RUN, close=None)
    path.write_bytes(path.read_bytes().replace(b"4711", b"4712"))
    with pytest.raises(NotResumed) as refused:
        look_at(path)
    assert refused.value.exit_code == 9


def test_the_orders_of_an_old_log_without_rules_are_known_to_be_open(tmp_path: Path) -> None:
    script = [
        ("run.started", started()),
        ("effect.intent", intent(1, RUN)),
        ("effect.outcome", outcome(1)),
        ("effect.intent", intent(2, RUN)),
    ]
    assert "policy" not in started()
    found = look_at(write(tmp_path, script, RUN, close=None))
    assert isinstance(found, Unfinished)
    assert found.open_orders == [intent(2, RUN)["effect"]["client_order_id"]]
