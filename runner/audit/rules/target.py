"""One run has one broker, one kind of money and one account, resumes included."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from runner.audit.records import Record, Rule
from runner.audit.rules.watch import Orders, Watch

DATA_URL = "https://data.alpaca.markets"
"""Alpaca's market data, for paper and live alike. Source: Alpaca docs, 2026-11."""

_DEFAULT_PORTS = {"https": 443, "http": 80}


class Target(Watch):
    """One run has one broker, one kind of money and one account, resumes included."""

    rule = Rule.TARGET
    types = ("run.started", "run.resumed", "run.bound", "wire.request")

    def __init__(self) -> None:
        self._target: dict[str, Any] | None = None
        self._accounts: dict[str, str] = {}

    def see(self, record: Record, orders: Orders) -> Iterator[str]:
        if record.type in ("run.started", "run.resumed"):
            yield from self._turn(record.data["target"])
        elif record.type == "run.bound":
            yield from self._bind(record.data)
        elif record.type == "wire.request" and self._target is not None:
            yield from _stray(record.data, self._target)

    def _turn(self, target: dict[str, Any]) -> Iterator[str]:
        first, self._target = self._target, target
        if first is None:
            return
        if target["kind"] != first["kind"]:
            yield f"a run that started on {first['kind']} goes on on {target['kind']}"
        elif target["kind"] != "sim" and target["base_url"] != first["base_url"]:
            yield f"a run that started at {first['base_url']} goes on at {target['base_url']}"

    def _bind(self, data: dict[str, Any]) -> Iterator[str]:
        for key in ("account_id", "account_number"):
            account = data.get(key)
            if account is None:
                continue
            before = self._accounts.setdefault(key, account)
            if account != before:
                yield f"a run of account {before} goes on with account {account}"


def _stray(request: dict[str, Any], target: dict[str, Any]) -> Iterator[str]:
    """Whether a request left for another place than the run's target."""
    if request["url"].startswith(f"{target['base_url']}/"):
        return  # nearly every request, and taking addresses apart is slow
    reached = _origin(request["url"])
    allowed = {_origin(target["base_url"])}
    if request["method"] == "GET":
        if "data_url" in target:
            allowed.add(_origin(target["data_url"]))
        elif target["kind"] in ("paper", "live"):
            allowed.add(_origin(DATA_URL))
    if reached not in allowed:
        yield (
            f"{request['method']} {request['url']} went elsewhere than the run's target "
            f"{target['kind']} at {target['base_url']}"
        )


def _origin(url: str) -> tuple[str, str | None, int | None]:
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return "", url, None
