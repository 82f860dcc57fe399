"""A look at a target: its gateway is read-only, so whatever is asked of it, nothing is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from runner.broker.credentials import Credentials
from runner.broker.gateway import Gateway
from runner.broker.targets import Target
from runner.broker.wire import Tap, Timeouts
from runner.drive.secrecy import WithoutSecrets, redactor_of


@dataclass(frozen=True, slots=True)
class Look:
    """A target that can be asked. `now` is this side's clock: the wall's, or that of the exchange
    inside, UTC. `gateway` tells all; `told` is what may be shown of it."""

    target: Target
    gateway: Gateway
    now: Callable[[], datetime]
    told: WithoutSecrets


@contextmanager
def look(
    target: Target,
    credentials: Credentials,
    timeouts: Timeouts,
    tap: Tap = lambda n, wire: None,
) -> Iterator[Look]:
    """The target, as long as the context lasts. The exchange inside is made for it, and is fresh.

    No connection is made before the first reading. Nothing but GET can leave.
    """
    if target.kind != "sim":
        gateway = Gateway(target, credentials, timeouts=timeouts, tap=tap, read_only=True)
        with closing(gateway):
            told = WithoutSecrets(gateway, redactor_of(credentials))
            yield Look(target, gateway, lambda: datetime.now(UTC), told)
        return
    # Imported here: a look at a real broker does not need the exchange.
    from runner.sim import Exchange, VirtualClock, default_scenario, serve  # noqa: PLC0415

    scenario = default_scenario()
    with serve(Exchange(scenario), VirtualClock(scenario.start)) as served:
        inside = target.with_base(served.url)
        gateway = Gateway(
            inside, credentials, timeouts=timeouts, tap=tap, rate_limit=None, read_only=True
        )
        with closing(gateway):
            told = WithoutSecrets(gateway, redactor_of(credentials))
            yield Look(inside, gateway, served.now, told)
