"""What no longer changes, kept on disk: an exchange that runs for long must not fill the memory.

The file is a temporary database that vanishes with its process. A run that stays small never makes
one. Copies of an archive (snapshots) are whole and independent.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import lru_cache
from types import GenericAlias
from typing import Any, Generic, TypeVar

import msgspec

Item = TypeVar("Item")

KEPT = 4_000  # the last so many items of a log stay in memory
BATCH = 500  # items that go to disk together
DECODED = 8  # batches that stay decoded
SCHEMA = "CREATE TABLE batches (first INTEGER PRIMARY KEY, data BLOB NOT NULL)"


class Database:
    """A database on disk that vanishes with the process; what `schema` declares is in it."""

    def __init__(self, schema: str, content: bytes = b"") -> None:
        import sqlite3  # noqa: PLC0415 - a run that stays small never needs it

        # An empty name is a file of SQLite's own, deleted when it is closed.
        self.sql = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self.sql.execute("PRAGMA journal_mode = OFF")
        self.sql.execute("PRAGMA synchronous = OFF")
        if content:
            with closing(sqlite3.connect(":memory:")) as copied:
                copied.deserialize(content)
                copied.backup(self.sql)
        else:
            self.sql.executescript(schema)

    def __reduce__(self) -> tuple[type[Database], tuple[str, bytes]]:
        """A copy is made from the database's bytes."""
        return Database, ("", self.sql.serialize())

    def __del__(self) -> None:
        """Closes the file."""
        if hasattr(self, "sql"):
            self.sql.close()

    def insert(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Inserts rows together."""
        self.sql.execute("BEGIN")
        self.sql.executemany(statement, rows)
        self.sql.execute("COMMIT")


class Batches:
    """Batches of items of a type that msgspec knows, by the number of their first."""

    def __init__(self, kind: Any) -> None:
        self._kind = GenericAlias(list, kind)
        self._database = Database(SCHEMA)
        self._decoded = lru_cache(maxsize=DECODED)(self._decode)

    def put(self, first: int, items: list[Any]) -> None:
        """Takes in a batch whose first item has the number `first`."""
        data = zlib.compress(msgspec.msgpack.encode(items), 1)
        self._database.insert("INSERT INTO batches VALUES (?, ?)", [(first, data)])

    def find(self, number: int) -> tuple[int, list[Any]]:
        """The batch that holds an item: the number of its first, and its items."""
        query = "SELECT first FROM batches WHERE first <= ? ORDER BY first DESC LIMIT 1"
        first: int = self._database.sql.execute(query, (number,)).fetchone()[0]
        return first, self._decoded(first)

    def _decode(self, first: int) -> list[Any]:
        query = "SELECT data FROM batches WHERE first = ?"
        (data,) = self._database.sql.execute(query, (first,)).fetchone()
        found: list[Any] = msgspec.msgpack.decode(zlib.decompress(data), type=self._kind)
        return found


class Log(Generic[Item]):
    """A sequence that only grows; all but its last items are on disk.

    `kind` is the type of the items, which msgspec can write and read.
    """

    def __init__(self, kept: int = KEPT, *, kind: Any = Any) -> None:
        self._kind = kind
        self._kept = kept
        self._recent: list[Item] = []
        self._before = 0  # items on disk
        self._batches: Batches | None = None

    def __len__(self) -> int:
        return self._before + len(self._recent)

    def append(self, item: Item) -> None:
        """Adds an item at the end."""
        self._recent.append(item)
        if len(self._recent) >= self._kept + BATCH:
            if self._batches is None:
                self._batches = Batches(self._kind)
            self._batches.put(self._before, self._recent[:BATCH])
            del self._recent[:BATCH]
            self._before += BATCH

    def since(self, index: int) -> Iterator[Item]:
        """The items from an index on, in order."""
        index = max(index, 0)
        while index < self._before:
            first, items = self._batch(index)
            yield from items[index - first :]
            index = first + len(items)
        yield from self._recent[index - self._before :]

    def __getitem__(self, index: int) -> Item:
        if index >= self._before:
            return self._recent[index - self._before]
        first, items = self._batch(index)
        return items[index - first]

    def __iter__(self) -> Iterator[Item]:
        return self.since(0)

    def __reversed__(self) -> Iterator[Item]:
        yield from reversed(self._recent)
        index = self._before - 1
        while index >= 0:
            first, items = self._batch(index)
            yield from reversed(items)
            index = first - 1

    def _batch(self, index: int) -> tuple[int, list[Item]]:
        assert self._batches is not None
        return self._batches.find(index)
