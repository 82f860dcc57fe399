"""An order that was sent before and opened risk, by this run or by another of the house."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from runner.world import decimal, moment, text

NEW_YORK = ZoneInfo("America/New_York")


class PastOrder(Struct, frozen=True):
    """One order. `runbook` is the digest of its runbook's text; `worth` is in dollars."""

    at: datetime | None
    run: str
    runbook: str
    symbol: str
    side: str
    type: str
    qty: Decimal | None
    notional: Decimal | None
    limit_price: Decimal | None
    stop_price: Decimal | None
    worth: Decimal | None

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> PastOrder:
        """One entry of the house's history (`ReadHistory`)."""
        return cls(
            at=moment(data.get("at")),
            run=text(data.get("run")) or "",
            runbook=text(data.get("runbook")) or "",
            symbol=text(data.get("symbol")) or "",
            side=text(data.get("side")) or "",
            type=text(data.get("type")) or "",
            qty=decimal(data.get("qty")),
            notional=decimal(data.get("notional")),
            limit_price=decimal(data.get("limit_price")),
            stop_price=decimal(data.get("stop_price")),
            worth=decimal(data.get("worth")),
        )


def day_began(at: datetime) -> datetime:
    """When the day of New York began in which a moment lies, in UTC."""
    return datetime.combine(at.astimezone(NEW_YORK), time(), NEW_YORK).astimezone(UTC)


def some_order(at: datetime, *, worth: Decimal | None = None, runbook: str = "") -> PastOrder:
    """An order that some other run sent at a moment: what known-bad orders are made from."""
    return PastOrder(
        at, f"another-run-{at.timestamp()}", runbook, "ZZZZ", "buy", "market", Decimal(1), None,
        None, None, worth,
    )  # fmt: skip
