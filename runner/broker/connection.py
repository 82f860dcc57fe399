"""One TradingClient made safe: a read is retried and bounded, a write leaves at most once.

What the client returns or raises is never looked at, because it parses answers after the broker has
acted on them (facts page 0.7). What counts is the exchange that the transport kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from runner.broker import outcomes, refusals, sdk
from runner.broker.credentials import Credentials
from runner.broker.rate import Pace, RateLimit
from runner.broker.shapes import Shape
from runner.broker.targets import Target, on_loopback
from runner.broker.wire import Exchange, Failure, Intent, Tap, Timeouts
from runner.effects import Answer, Problem, Reason, Status

if TYPE_CHECKING:
    from alpaca.trading.client import TradingClient

    from runner.broker.transport import Transport

ATTEMPTS = 4
"""How often a read is tried."""

PATIENCE = 65.0
"""Seconds after which a read is not tried again: the broker's rate limit is over by then."""

SILENCE = 30.0
"""The same for a server that says nothing at all."""

_FIRST_PAUSE = 0.5
"""Seconds before the second attempt; it doubles from there."""

Call = Callable[[], object]


class _NotSent(Exception):  # noqa: N818 - it names what became of the request
    """The request was stopped on this side; the message says why."""


class Connection:
    """A TradingClient for one target, used from one thread, one request at a time.

    With `read_only` no write can leave it, however it is asked for.
    """

    def __init__(
        self,
        target: Target,
        credentials: Credentials,
        *,
        timeouts: Timeouts,
        tap: Tap,
        sleep: Callable[[float], None],
        now: Callable[[], float],
        rate_limit: RateLimit | None,
        interrupted: Callable[[], bool],
        read_only: bool = False,
    ) -> None:
        self._interrupted = interrupted
        self.client, self._transport = _connect(target, credentials, timeouts, read_only)
        self._tap = tap
        self._sleep = sleep
        self._now = now
        self._paces = {base: Pace(rate_limit, sleep, now) for base in _bases(target)}
        self._trading = target.base_url
        self._timeouts = timeouts

    def close(self) -> None:
        """Close the sockets."""
        self.client._session.close()

    def read(
        self, n: int, call: Call, shape: Shape, *, attempts: int = ATTEMPTS, base: str | None = None
    ) -> Answer:
        """Make a read until it has an answer, `attempts` times at most.

        Transport errors, unreadable answers, 429 and 5xx are tried again, after the time that the
        broker asks for, else after pauses that double. `base` is the server, the trading one by
        default.
        """
        started = self._now()
        pace = self._paces[base or self._trading]
        attempt = 1
        while True:
            pace.before_read()
            try:
                exchange = self._exchange(n, call, None, attempt)
            except _NotSent as error:
                return Answer(Status.REFUSED, problem=Problem(Reason.NOT_SENT, str(error)))
            if exchange.response is not None:
                pace.heard(exchange.response.headers)
            answer = outcomes.of_read(exchange, shape)
            pause = _pause(exchange, attempt)
            spent = self._now() - started + pause
            if answer.status is not Status.UNAVAILABLE or _is_final(exchange, answer):
                return answer
            if attempt >= attempts or spent > self._patience(exchange) or self._interrupted():
                return answer
            self._sleep(pause)
            attempt += 1

    def spacing(self, reads: int, *, news: bool) -> float:
        """Seconds to let pass between two polls of `reads` trading requests each."""
        return self._paces[self._trading].spacing(reads, news=news)

    def _patience(self, exchange: Exchange) -> float:
        """How many seconds after the first attempt a last one may begin.

        A server that answers is given time to recover, one that says nothing less, and one that
        cannot be reached no longer than a connection may take.
        """
        if exchange.error is None:
            return PATIENCE
        if not exchange.error.sent:
            return self._timeouts.connect
        return SILENCE if exchange.error.kind is Failure.TIMEOUT else PATIENCE

    def write(self, n: int, call: Call, intent: Intent, shape: Shape | None) -> Answer:
        """Make a write, once. Only the request that equals `intent` can leave."""
        self._paces[self._trading].before_write()
        try:
            exchange = self._exchange(n, call, intent, 1)
        except _NotSent as error:
            return Answer(Status.REFUSED, problem=Problem(Reason.NOT_SENT, str(error)))
        return outcomes.of_write(exchange, shape)

    def _exchange(self, n: int, call: Call, intent: Intent | None, attempt: int) -> Exchange:
        self._transport.begin(intent, attempt, lambda wire: self._tap(n, wire))
        failure = None
        try:
            call()
        except Exception as error:
            if error is self._transport.tap_failure:
                raise
            failure = error
        if self._transport.exchange is None:
            raise _NotSent(f"not sent: {failure or 'the client made no request'}")
        return self._transport.exchange


def _connect(
    target: Target, credentials: Credentials, timeouts: Timeouts, read_only: bool
) -> tuple[TradingClient, Transport]:
    sdk.load()
    from alpaca.trading.client import TradingClient  # noqa: PLC0415 - slow: see runner.broker.sdk

    from runner.broker.transport import Transport  # noqa: PLC0415 - imports requests

    client = TradingClient(
        api_key=credentials.key_id,
        secret_key=credentials.secret,
        paper=target.kind != "live",
        raw_data=True,
        url_override=target.base_url,
    )
    # No public argument turns the SDK's own retries off, and it makes them for POST as well.
    client._retry_codes = []
    transport = Transport(_bases(target), timeouts, read_only=read_only)
    session: Any = client._session
    session.adapters.clear()
    session.mount("http://", transport)
    session.mount("https://", transport)
    session.trust_env = not all(map(on_loopback, _bases(target)))
    session.auth = _as_it_is  # else requests may add a password from ~/.netrc
    return client, transport


def _bases(target: Target) -> tuple[str, ...]:
    return tuple(dict.fromkeys((target.base_url, target.data_url)))


def _as_it_is(request: object) -> object:
    return request


def _pause(exchange: Exchange, attempt: int) -> float:
    wait = refusals.retry_after(exchange.response.headers) if exchange.response else None
    return float(wait) if wait is not None else _FIRST_PAUSE * 2.0 ** (attempt - 1)


def _is_final(exchange: Exchange, answer: Answer) -> bool:
    """Whether asking again is pointless: a certificate, a redirect, an address unknown there."""
    if exchange.response is None:
        return exchange.error is not None and exchange.error.kind is Failure.TLS
    unknown_address = answer.problem is not None and answer.problem.reason is Reason.NOT_FOUND
    return unknown_address or 300 <= exchange.response.status < 400
