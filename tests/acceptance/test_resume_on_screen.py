"""What people see of a resume: that it is one, what was found, and what it came to."""

from __future__ import annotations

from acceptance.harness import invoke
from acceptance.processes import Market
from acceptance.test_resume import fill, killed, market

__all__ = ["market"]


def test_a_resume_says_that_it_is_one_and_what_was_found(market: Market) -> None:
    log = killed(market)
    fill(market)
    shown = invoke("resume", str(log)).stdout.splitlines()
    assert shown[3] == "policy built in"
    assert shown[4].startswith("resumed · ")
    assert shown[4].endswith(" recorded effects answered from the log")
    (found,) = [line for line in shown if line.startswith(" resumed · ")]
    assert "1 order read again, since then buy 1 AAPL limit" in found
    assert found.endswith("; the steps go on")
    logged = [line for line in shown if line.startswith("|")]
    assert any("submit" in line for line in logged)
    assert not any("await_fill" in line and " done " in line for line in logged)


def test_stopping_a_run_ends_as_a_run_does_with_its_orders_and_its_log(market: Market) -> None:
    log = killed(market)
    shown = invoke("resume", str(log), "--stop").stdout
    assert "Orders\n" in shown
    assert "canceled" in shown
    assert f"Log: {log}\n" in shown
    assert shown.splitlines()[-1] == "Nothing of this run is live: no open order, no position."
