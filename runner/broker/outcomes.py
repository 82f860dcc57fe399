"""What one exchange means: did it happen, did it not, or can nobody tell.

For a write only three things are certain: an accepting answer that can be read, a refusing answer,
and the proof that no byte left. Everything else is `unknown`, and the caller asks the broker what
became of it. A read has no such problem: it is done, refused, absent, or unavailable for now.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from msgspec.structs import replace

from runner.broker.reading import Unreadable, read_json
from runner.broker.refusals import in_own_words, refusal
from runner.broker.shapes import Nothing, Shape
from runner.broker.wire import Exchange, Failure
from runner.effects import Answer, Problem, Reason, Status

_NOTHING_HAPPENED = frozenset({400, 401, 403, 404, 422, 429})
"""Statuses with which Alpaca refuses a write before acting on it (facts page 2.3)."""

_READ_REFUSED = frozenset({400, 401, 403, 422})

_NO_ANSWER = {
    Failure.UNREACHABLE: (Reason.UNREACHABLE, "no connection to {host} could be made"),
    Failure.TLS: (Reason.UNREACHABLE, "no secure connection to {host} could be made"),
    Failure.TIMEOUT: (Reason.TIMEOUT, "{host} did not answer in time"),
    Failure.DROPPED: (
        Reason.UNREACHABLE,
        "{host} ended the connection before its answer was whole",
    ),
    Failure.OVERSIZED: (Reason.UNREADABLE, "the answer of {host} was too large"),
    Failure.OTHER: (Reason.OTHER, "the request to {host} failed"),
}


def of_write(exchange: Exchange, shape: Shape | None) -> Answer:
    """The fate of a write: ok, refused, or unknown.

    `shape` reads an accepting answer; None when its body does not matter, as for a cancel.
    """
    if exchange.response is None:
        sent = exchange.error is None or exchange.error.sent
        return Answer(Status.UNKNOWN if sent else Status.REFUSED, problem=_no_answer(exchange))
    response = exchange.response
    if 200 <= response.status < 300:
        if shape is None:
            return Answer(Status.OK)
        return _read_body(exchange, shape, otherwise=Status.UNKNOWN)
    problem = refusal(response)
    # A page of a gateway says nothing of what happened behind it; a bad key stops at the door.
    certain = response.status in _NOTHING_HAPPENED and problem.reason is not Reason.UNREADABLE
    certain = certain and (response.status == 401 or in_own_words(response))
    return Answer(Status.REFUSED if certain else Status.UNKNOWN, problem=problem)


def of_read(exchange: Exchange, shape: Shape) -> Answer:
    """What a read found: ok, absent (a 404 in the broker's own words), refused, or unavailable."""
    if exchange.response is None:
        return Answer(Status.UNAVAILABLE, problem=_no_answer(exchange))
    response = exchange.response
    if 200 <= response.status < 300:
        return _read_body(exchange, shape, otherwise=Status.UNAVAILABLE)
    problem = refusal(response)
    if response.status == 404 and problem.reason is Reason.NOT_FOUND:
        # A server that does not know the address says nothing about the thing.
        known = "endpoint" not in problem.message.lower()
        return Answer(Status.ABSENT if known else Status.UNAVAILABLE, problem=problem)
    if response.status in _READ_REFUSED:
        if response.status == 403 and problem.reason is Reason.OTHER:
            problem = replace(problem, reason=Reason.FORBIDDEN)
        return Answer(Status.REFUSED, problem=problem)
    return Answer(Status.UNAVAILABLE, problem=problem)


def _read_body(exchange: Exchange, shape: Shape, otherwise: Status) -> Answer:
    assert exchange.response is not None
    try:
        return Answer(Status.OK, data=shape(read_json(exchange.response.body)))
    except Nothing as error:
        return Answer(Status.ABSENT, problem=Problem(Reason.NOT_FOUND, str(error)))
    except Unreadable as error:
        return Answer(
            otherwise,
            problem=Problem(
                Reason.UNREADABLE,
                f"the broker's answer to {exchange.request.method} {exchange.request.url} cannot "
                f"be read: {error}",
                status=exchange.response.status,
            ),
        )


def _no_answer(exchange: Exchange) -> Problem:
    error = exchange.error
    assert error is not None
    reason, words = _NO_ANSWER[error.kind]
    if not error.sent:
        reason = Reason.UNREACHABLE
    host = urlsplit(exchange.request.url).netloc
    return Problem(reason, f"{words.format(host=host)} ({error.message})")
