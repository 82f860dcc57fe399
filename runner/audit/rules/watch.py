"""What a rule is: it watches the records of one log go by, in order, and says what breaks it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from runner.audit.records import Record, Rule

Orders = Sequence[dict[str, Any]]
"""Orders as the broker showed them."""


class Watch:
    """One rule at work on one log. It is shown only records whose data has the shape of their type,
    and none after the first that is damaged."""

    rule: ClassVar[Rule]
    types: ClassVar[tuple[str, ...]] = ()
    """The types of record that it looks at; none named means all."""

    def see(self, record: Record, orders: Orders) -> Iterator[str]:
        """What is wrong with this record after those before it. `orders` are those that it shows
        where it is an outcome."""
        raise NotImplementedError

    def end(self) -> Iterator[str]:
        """What is wrong with the log as a whole."""
        return iter(())

    @property
    def forgot(self) -> bool:
        """Whether there was more to remember than memory is given."""
        return False
