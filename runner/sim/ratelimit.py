"""The request allowance of an account: a bucket that refills evenly over a minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RateLimit:
    """`per_minute` requests a minute in the exchange's own time; None for no limit."""

    def __init__(self, per_minute: int | None, start: datetime) -> None:
        # rule: rate.bucket
        self.per_minute = per_minute
        self._cost = 60_000_000 // per_minute if per_minute else 0  # microseconds a request
        self._full_at = start  # when the bucket is full again

    def ready_at(self, moment: datetime) -> datetime:
        """The first moment from `moment` on at which a request is let through."""
        if self.per_minute is None:
            return moment
        room = timedelta(microseconds=self._cost * (self.per_minute - 1))
        return max(moment, self._full_at - room)

    def take(self, moment: datetime) -> bool:
        """Spends one request at `moment`; False when none is left."""
        if self.per_minute is None:
            return True
        if self.ready_at(moment) > moment:
            return False
        self._full_at = max(self._full_at, moment) + self._cost * MICROSECOND
        return True

    def headers(self, moment: datetime) -> dict[str, str]:
        """`X-RateLimit-*`: the limit, what is left of it, and when (epoch seconds) it is full."""
        if self.per_minute is None:
            return {}
        used = max(self._full_at - moment, timedelta()) // MICROSECOND
        left = self.per_minute - -(-used // self._cost)
        reset = -(-(max(self._full_at, moment) - EPOCH) // timedelta(seconds=1))
        return {
            "X-RateLimit-Limit": str(self.per_minute),
            "X-RateLimit-Remaining": str(max(left, 0)),
            "X-RateLimit-Reset": str(reset),
        }
