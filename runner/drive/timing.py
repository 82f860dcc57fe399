"""How long after its intent an order proven absent may still be sent again (design section 1)."""

from __future__ import annotations

from datetime import timedelta

ON_LIVE = timedelta(seconds=60)
ELSEWHERE = timedelta(minutes=10)


def resend_within(target_kind: str) -> timedelta:
    """The bound for a kind of target: sim, paper, live or url."""
    return ON_LIVE if target_kind == "live" else ELSEWHERE
