"""What goes into the exchange and what comes out: requests, responses and refusals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, already taken apart.

    `path` is decoded and without the query; `query` maps each name to its last value; `headers`
    may use any case; `body` is the raw bytes.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def header(self, name: str) -> str:
        """The value of a header, found regardless of case; empty when absent."""
        value = self.headers.get(name)
        if value is None:
            wanted = name.lower()
            value = next((v for k, v in self.headers.items() if k.lower() == wanted), "")
        return value


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response. `body` is a JSON value (numbers may be Decimal), or None for no body."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Refusal(Exception):  # noqa: N818 - a refusal is an ordinary answer of a broker, not a fault
    """The exchange says no: an HTTP status, Alpaca's code (or None), a message and extra keys."""

    def __init__(self, status: int, code: int | None, message: str, **extra: object) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.extra = extra

    def body(self) -> dict[str, object]:
        """The JSON object that Alpaca would send."""
        body: dict[str, object] = {} if self.code is None else {"code": self.code}
        return body | {"message": self.message} | self.extra


def forbidden(message: str, **extra: object) -> Refusal:
    """403/40310000, which Alpaca uses for most reasons that concern the account."""
    return Refusal(403, 40310000, message, **extra)


def not_found(message: str) -> Refusal:
    """404/40410000."""
    return Refusal(404, 40410000, message)


def malformed(message: str) -> Refusal:
    """422/40010001: the request itself is incomplete or wrong."""
    return Refusal(422, 40010001, message)


def unprocessable(message: str, **extra: object) -> Refusal:
    """422/42210000: the request is well formed and cannot be carried out."""
    return Refusal(422, 42210000, message, **extra)
