"""Snapshots: the whole state of an exchange as bytes, and an exchange that goes on from them.

A restored exchange answers the same requests at the same moments as the original would, byte for
byte. Bytes are only ever read back by the process that made them.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from functools import _lru_cache_wrapper, lru_cache
from typing import Any

from runner.sim.exchange import Exchange


def take_snapshot(exchange: Exchange) -> bytes:
    """Everything that decides what the exchange answers from now on."""
    stream = io.BytesIO()
    _Pickler(stream, pickle.HIGHEST_PROTOCOL).dump(exchange)
    return stream.getvalue()


def restore_snapshot(snapshot: bytes) -> Exchange:
    """A new exchange in the state of a snapshot that this process took."""
    exchange = pickle.loads(snapshot)
    assert isinstance(exchange, Exchange)
    return exchange


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        """Leaves out what an object remembers of its own answers: it is worked out again."""
        if isinstance(value, _lru_cache_wrapper) and hasattr(value.__wrapped__, "__self__"):
            return _remembering, (value.__wrapped__, value.cache_parameters()["maxsize"])
        return NotImplemented


def _remembering(method: Callable[..., Any], most: int | None) -> Any:
    return lru_cache(maxsize=most)(method)
