"""What a replay came to: the counts, and the first difference where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runner.audit.story import visible
from runner.drive.recorded import Replay
from runner.language.source import Source, Span
from runner.report.replay_divergence import divergence_lines
from runner.report.run_text import wrap


def outcome_lines(
    outcome: Replay, source: Source | None, span: Span | None, width: int
) -> Iterator[str]:
    """For a person. `span` is where the step of the difference stands in the runbook."""
    for note in outcome.notes:
        yield from wrap(f"note: {visible(note)}", width)
    equal = f"{outcome.effects} effects and {outcome.decisions} decisions equal"
    if outcome.divergence is not None:
        yield f"{equal}, then a difference."
        yield from divergence_lines(outcome.divergence, source, span, width)
    elif outcome.complete:
        yield f"{equal}; the run ends as it did"
    else:
        yield f"{equal}; the log ends before the run does"


def outcome_data(outcome: Replay, span: Span | None) -> dict[str, Any]:
    """For `--json`."""
    parted = outcome.divergence
    return {
        "effects": outcome.effects,
        "decisions": outcome.decisions,
        "complete": outcome.complete,
        "notes": list(outcome.notes),
        "divergence": None
        if parted is None
        else {
            "seq": parted.seq,
            "step": parted.step,
            "line": span.line if span else None,
            "expected": parted.expected,
            "actual": parted.actual,
        },
    }
