"""The rules of a run's log beyond its chain: what no true run can have recorded. One a file."""

from __future__ import annotations

from runner.audit.rules.broker_orders import orders_in
from runner.audit.rules.fills import Fills
from runner.audit.rules.guards import Guarded
from runner.audit.rules.identity import Identity
from runner.audit.rules.intents import Intents
from runner.audit.rules.order import Order
from runner.audit.rules.recent import REMEMBERED
from runner.audit.rules.secrets import secrets_in
from runner.audit.rules.statuses import Statuses
from runner.audit.rules.target import Target
from runner.audit.rules.watch import Watch

__all__ = ["REMEMBERED", "Watch", "orders_in", "secrets_in", "watches"]


def watches() -> list[Watch]:
    """Every rule that looks at records in their context, fresh, for one log."""
    return [Order(), Intents(), Guarded(), Identity(), Fills(), Statuses(), Target()]
