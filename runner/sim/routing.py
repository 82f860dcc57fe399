"""The shape of a handler, shared by every table of routes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from runner.sim.messages import Request, Response

if TYPE_CHECKING:
    from runner.sim.exchange import Exchange

Handler = Callable[["Exchange", Request, list[str]], Response]
"""(exchange, request, the values of the path's `{…}` parts) -> response."""

MARKET_DATA = ("/v2/stocks/", "/v1beta1/", "/v1beta3/")

Routes = dict[tuple[str, str], Handler]
"""(method, path pattern) -> handler."""
