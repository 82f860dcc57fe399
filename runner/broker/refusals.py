"""Why a broker said no: one closed set of reasons for every error body.

Alpaca gives one code to many causes (403/40310000 alone means buying power, held quantity, wash
trade, shorting and more) and its sentences can change, so a refusal is read by status, sentence and
extra keys together (facts page 2.3). What no row fits is `other`: refused for a reason this version
does not know, never taken for one that may be retried.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from runner.broker.reading import Unreadable, read_json
from runner.broker.wire import WireResponse
from runner.effects import Json, Problem, Reason

_LONGEST_MESSAGE = 1000


class _Row(Struct, frozen=True):
    """One kind of refusal: its statuses, and the sentence or the keys that tell it apart."""

    statuses: tuple[int, ...]
    reason: Reason
    sentence: str = r"(?!)"
    keys: tuple[str, ...] = ()
    code: int | None = None

    def fits(self, status: int, code: int | None, message: str, extra: Mapping[str, Json]) -> bool:
        return status in self.statuses and (
            (self.code is not None and code == self.code)
            or any(key in extra for key in self.keys)
            or re.search(self.sentence, message, re.IGNORECASE) is not None
        )


_BY_STATUS = {
    401: Reason.CREDENTIALS,
    408: Reason.TIMEOUT,
    429: Reason.RATE_LIMITED,
    504: Reason.TIMEOUT,
}

_ROWS = (
    # 403: what the account or the market does not allow
    _Row((403,), Reason.WASH_TRADE, r"wash trade", ("existing_order_id", "reject_reason")),
    _Row(
        (403,),
        Reason.QUANTITY_HELD,
        r"insufficient qty|insufficient balance for (?!usd\b)",
        ("held_for_orders", "available"),
    ),
    _Row((403,), Reason.OPTIONS_LEVEL, r"options? trading|level ?\d options|uncovered option"),
    _Row(
        (403,),
        Reason.BUYING_POWER,
        r"buying power|insufficient balance for usd\b",
        ("buying_power", "options_buying_power"),
    ),
    _Row((403, 422), Reason.NOT_FRACTIONABLE, r"not fractionable"),
    _Row((403, 422), Reason.SHORTING, r"not allowed to short|cannot be sold short|short sell"),
    _Row((403,), Reason.DAY_TRADING, r"pattern day trad", code=40310100),
    _Row(
        (403,),
        Reason.ACCOUNT_RESTRICTED,
        r"by user request|suspend|restricted|account is (not active|blocked|closed|inactive)"
        r"|trading is blocked",
    ),
    _Row(
        (400, 403, 422),
        Reason.MINIMUM_SIZE,
        r"minimal amount|notional must be >=|cost basis must be >=",
    ),
    _Row((403, 422), Reason.MARKET_HOURS, r"must be submitted (after|before)|market is closed"),
    _Row((403, 422), Reason.INVALID_ORDER, r"extended hours"),
    # 422: what is wrong with the order, or too late
    _Row((422,), Reason.DUPLICATE_CLIENT_ORDER_ID, r"client_order_id must be unique"),
    _Row((422,), Reason.INTENT_MISMATCH, r"position intent mismatch"),
    _Row((422,), Reason.PRICE_INCREMENT, r"sub-penny|minimum pricing criteria|price increment"),
    _Row(
        (422,),
        Reason.PRICE_RELATION,
        r"than current price|base_price|(take_profit|stop_loss)\.\w+ must be [<>]",
        ("base_price", "market_price"),
    ),
    _Row((422,), Reason.NOT_OPEN, r"already in \W?\w+\W? state|order is not open"),
    _Row(
        (422,),
        Reason.NOT_REPLACEABLE,
        r"cannot replace|parameters are not changed|qty must be > filled_qty",
    ),
    _Row((422,), Reason.NOT_FOUND, r"asset .*not found|symbol not found"),
    _Row((422,), Reason.NOT_TRADABLE, r"not tradable|not active"),
    _Row(
        (400, 422),
        Reason.INVALID_ORDER,
        r"fractional orders? must be|fractional \w+ orders are not enabled"
        r"|invalid (crypto )?time_in_force|is required|are required|only one of|must be > 0|orders "
        r"(require|support)|qty must be integer|no more than \d+ characters",
        code=40010001,
    ),
    _Row((403,), Reason.FORBIDDEN, r"^forbidden|permission|subscription|access denied"),
)


_NO_SUCH_THING = re.compile(
    r"position does not exist|\b(order|asset|symbol|contract|watchlist)\b.*\bnot found",
    re.IGNORECASE,
)
"""What Alpaca says when there is no such thing (facts page 2.3); a gateway's 404 says otherwise."""


def refusal(response: WireResponse) -> Problem:
    """The problem that an answer other than 2xx reports, with the broker's own words kept."""
    code, message, extra = _error_body(response.body)
    if response.status == 429:
        extra.update(_limits(response.headers))
    return Problem(
        reason=_reason(response.status, code, message, extra),
        message=(message or _own_words(response.status))[:_LONGEST_MESSAGE],
        status=response.status,
        code=code,
        extra=extra,
    )


def in_own_words(response: WireResponse) -> bool:
    """Whether an error answer is the API's own: a JSON object with a code or a message."""
    code, message, _ = _error_body(response.body)
    return code is not None or bool(message)


def retry_after(headers: Mapping[str, str]) -> int | None:
    """Whole seconds until the broker wants to be asked again, or None when it does not say.

    From `Retry-After`, else from `X-RateLimit-Reset` (epoch seconds), read against the broker's own
    `Date`, so that this machine's clock plays no part.
    """
    wait = headers.get("retry-after", "")
    if wait.isdecimal():
        return int(wait)
    reset = headers.get("x-ratelimit-reset", "")
    asked_at = _http_date(headers.get("date", ""))
    if reset.isdecimal() and asked_at is not None:
        return max(0, int(reset) - asked_at)
    return None


def _reason(status: int, code: int | None, message: str, extra: Mapping[str, Json]) -> Reason:
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status == 404:
        # A 404 can prove that an order does not exist, so a stray page must not pass for one.
        own_words = code == 40410000 or _NO_SUCH_THING.search(message)
        return Reason.NOT_FOUND if own_words else Reason.UNREADABLE
    if status >= 500:
        return Reason.BROKER_FAULT
    if not 400 <= status < 500:
        return Reason.UNREADABLE
    for row in _ROWS:
        if row.fits(status, code, message, extra):
            return row.reason
    return Reason.OTHER


def _error_body(text: str) -> tuple[int | None, str, dict[str, Json]]:
    try:
        body = read_json(text)
    except Unreadable:
        body = None
    if not isinstance(body, dict):
        return None, "", {}
    code, message = body.pop("code", None), body.pop("message", None)
    if isinstance(code, str) and code.isdecimal():
        code = int(code)
    return (
        code if isinstance(code, int) and not isinstance(code, bool) else None,
        message if isinstance(message, str) else "",
        {key: _as_text(value) for key, value in body.items()},
    )


def _as_text(value: Json) -> Json:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_number else value


def _limits(headers: Mapping[str, str]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    wait = retry_after(headers)
    if wait is not None:
        found["retry_after"] = str(wait)
    if "x-ratelimit-reset" in headers:
        found["rate_limit_reset"] = headers["x-ratelimit-reset"]
    return found


def _http_date(text: str) -> int | None:
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - only a 429 needs it

    try:
        return int(parsedate_to_datetime(text).timestamp())
    except (ValueError, TypeError):
        return None


def _own_words(status: int) -> str:
    if status == 401:
        return "the broker does not accept the API key"
    if 300 <= status < 400:
        return f"the server answered {status}, a redirect, which is never followed"
    return f"the server answered {status} without saying why"
