"""Where a run trades: the embedded exchange, paper, live, or a server named by its URL.

The host decides what a target is, not the way it was written: a URL of the live host is live, so
spelling it out, in capitals, with its port or with a trailing dot, goes around no rule.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct
from msgspec.structs import replace

Kind = Literal["sim", "paper", "live", "url"]

PAPER_URL = "https://paper-api.alpaca.markets"
LIVE_URL = "https://api.alpaca.markets"
DATA_URL = "https://data.alpaca.markets"

_PAPER_HOST = "paper-api.alpaca.markets"
_LIVE_HOST = "api.alpaca.markets"
_LABEL = r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?"
_HOST_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_PATH = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")


class TargetError(Exception):
    """The target cannot be used as written; the message says what to write instead (usage)."""


class Target(Struct, frozen=True):
    """A trading server, and the market data server that goes with it.

    `base_url` and `data_url` have no trailing slash and no `/v2`. Both are empty for `sim` until
    the exchange runs and `with_base` names its address. `loopback` is true when trading requests
    stay on this machine.
    """

    kind: Kind
    base_url: str
    data_url: str
    loopback: bool

    def with_base(self, url: str) -> Target:
        """The same target at `url`, a loopback address where its exchange now listens.

        Raises TargetError when `url` is not an http or https URL on loopback.
        """
        base = _address(url)
        if not base.loopback:
            raise TargetError(f"the embedded exchange listens on this machine only, not at {url}")
        return replace(self, base_url=base.url, data_url=base.url, loopback=True)


def resolve(on: str, data_url: str | None = None) -> Target:
    """The target that `--on` and `--data-url` name.

    Raises TargetError for anything that is not `sim`, `paper`, `live`, an https URL, or an http URL
    on loopback.
    """
    if on == "sim":
        if data_url is not None:
            raise TargetError(
                "the embedded exchange brings its own market data: leave --data-url out"
            )
        return Target(kind="sim", base_url="", data_url="", loopback=True)
    base = _address({"paper": PAPER_URL, "live": LIVE_URL}.get(on, on))
    kind = _kind(base)
    if data_url is not None:
        data = _address(data_url, option="--data-url").url
        if kind == "live" and data != DATA_URL:
            raise TargetError(
                f"with a live account market data comes from {DATA_URL} only, because the request "
                "carries the live key: leave --data-url out"
            )
    else:
        data = base.url if kind == "url" else DATA_URL
    return Target(kind=kind, base_url=base.url, data_url=data, loopback=base.loopback)


class _Address(Struct, frozen=True):
    url: str
    host: str
    loopback: bool


def _kind(base: _Address) -> Kind:
    if base.host == _LIVE_HOST:
        return _exactly(base, LIVE_URL, "live")
    if base.host == _PAPER_HOST:
        return _exactly(base, PAPER_URL, "paper")
    if base.host == "alpaca.markets" or base.host.endswith(".alpaca.markets"):
        raise TargetError(
            f"{base.host} is not a server of the Trading API: write --on paper or --on live"
        )
    return "url"


def _exactly(base: _Address, url: str, kind: Kind) -> Kind:
    """Alpaca's own hosts are used at their one address, or not at all."""
    if base.url != url:
        raise TargetError(f"{base.url} is not where Alpaca's {kind} API is: write --on {kind}")
    return kind


def _address(text: str, option: str = "--on") -> _Address:
    """One spelling for each server: lower case, default port and trailing dot left out."""
    parts = _split(text, option)
    host = (parts.hostname or "").removesuffix(".")
    loopback = _is_loopback(host)
    if parts.scheme == "http" and not loopback:
        raise TargetError(
            f"{option} {text}: plain http is for servers on this machine only: write https://"
        )
    path = re.sub(r"/+$", "", parts.path).removesuffix("/v2").rstrip("/")
    if not _PATH.fullmatch(path):
        raise TargetError(f"{option} {text}: the path of the URL cannot be used")
    shown = f"[{host}]" if ":" in host else host
    if parts.port is not None and parts.port != {"http": 80, "https": 443}[parts.scheme]:
        shown = f"{shown}:{parts.port}"
    return _Address(url=f"{parts.scheme}://{shown}{path}", host=host, loopback=loopback)


def _split(text: str, option: str) -> SplitResult:
    choices = "sim, paper, live or a URL such as https://host" if option == "--on" else "a URL"
    refused = TargetError(f"{option} {text!r} is not a server: write {choices}")
    if not text.isascii() or not text.isprintable() or any(mark in text for mark in " \\%"):
        raise refused
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise refused from None
    if "@" in parts.netloc:
        raise TargetError(
            f"{option}: leave the user name and password out of the URL; keys come from the "
            "environment or a .env file"
        )
    host = (parts.hostname or "").removesuffix(".")
    named = _HOST_NAME.fullmatch(host) or _is_ip(host)
    if parts.scheme not in ("http", "https") or port == 0 or not named:
        raise refused
    if "?" in text or "#" in text:
        raise TargetError(f"{option} {text}: leave out everything from the ? or # on")
    return parts


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def on_loopback(url: str) -> bool:
    """Whether `url`, a `base_url` or `data_url` of a target, stays on this machine."""
    return _is_loopback((urlsplit(url).hostname or "").removesuffix("."))


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_ip(host) and ipaddress.ip_address(host).is_loopback)
