"""One run per broker, account and symbol: locks in the user's state directory.

Two runs on one symbol would cancel each other's orders and count each other's fills. Each account
has a lock file, and each symbol one beside it. A run that names its symbols holds the account's
file shared and each symbol's alone; a run of any symbol holds the account's file alone, and so
meets every other run. The locks are the kernel's (`flock`): they vanish with their holder, however
it dies; a file's content only says who holds it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote, unquote

import orjson
import platformdirs

from runner.audit.canonical import canonical_bytes, digest
from runner.audit.errors import AuditError
from runner.audit.journal import make_directory

ANY_SYMBOL: Final = "any"
STATE_DIR_VARIABLE: Final = "RUNBOOK_STATE_DIR"

_ACCOUNT_FILE = "account.lock"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock. `since` is RFC 3339 text in UTC."""

    run: str
    pid: int
    host: str
    since: str


class Held(AuditError):  # noqa: N818 - it names a state, as its message does
    """Another run holds a symbol. `holder` is None when it has not written its name yet."""

    def __init__(self, symbol: str, holder: Holder | None) -> None:
        what = "The account" if symbol == ANY_SYMBOL else symbol
        who = (
            f"run {holder.run} (process {holder.pid} on {holder.host}, since {holder.since})"
            if holder
            else "another run that is just starting"
        )
        super().__init__(
            f"{what} is in use by {who}. Two runs on one symbol would disturb each other's "
            "orders: wait for it to end, or stop it."
        )
        self.symbol = symbol
        self.holder = holder


class LockError(AuditError):
    """The lock files cannot be made or locked; nothing is sent without them."""


def state_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """Where locks and the kill switch live: `RUNBOOK_STATE_DIR`, else the user's own directory."""
    chosen = environment.get(STATE_DIR_VARIABLE)
    return Path(chosen) if chosen else Path(platformdirs.user_state_dir("order-runbook"))


@contextmanager
def acquire(
    base_url: str,
    account_id: str,
    symbols: Iterable[str] | Literal["any"],
    holder: Holder,
    *,
    directory: Path | None = None,
) -> Iterator[None]:
    """Holds the symbols of an account at a broker, or the whole account with `"any"`.

    Raises `Held` at once when another run holds one of them, `LockError` when the state
    directory cannot be used.
    """
    identity = digest([base_url.rstrip("/").lower(), account_id])
    folder = (directory or state_directory()) / "locks" / identity[:32]
    with ExitStack() as held:
        try:
            make_directory(folder)
            if symbols == ANY_SYMBOL:
                held.enter_context(_whole_account(folder, holder))
            else:
                held.enter_context(_symbols(folder, symbols, holder))
        except OSError as error:
            raise LockError(
                f"The lock in {folder} cannot be taken: {error.strerror or error}. "
                f"Nothing is sent without it; {STATE_DIR_VARIABLE} names another place."
            ) from error
        yield


def holders(directory: Path) -> list[tuple[str, Holder]]:
    """Who holds what, as the lock files under a state directory say: a symbol, or `"any"`.

    No lock is tried, because trying one could turn away a run that is just starting; so a holder
    that was killed is still named. Raises `OSError` when the files cannot be read.
    """
    found = []
    for path in sorted((directory / "locks").glob("*/*.lock")):
        with _open_to_read(path) as fd:
            holder = _read_holder(fd)
        if holder is not None:
            symbol = ANY_SYMBOL if path.name == _ACCOUNT_FILE else _symbol_of(path)
            found.append((symbol, holder))
    return found


@contextmanager
def _whole_account(folder: Path, holder: Holder) -> Iterator[None]:
    with _open(folder / _ACCOUNT_FILE) as fd:
        if not _try(fd, fcntl.LOCK_EX):
            raise _held_by_any(folder, fd)
        with _named(fd, holder):
            yield


@contextmanager
def _symbols(folder: Path, symbols: Iterable[str], holder: Holder) -> Iterator[None]:
    with ExitStack() as held:
        account = held.enter_context(_open(folder / _ACCOUNT_FILE))
        if not _try(account, fcntl.LOCK_SH):
            raise Held(ANY_SYMBOL, _read_holder(account))
        os.ftruncate(account, 0)  # shared now, so whoever is named there is gone
        for symbol in sorted({symbol.upper() for symbol in symbols}):
            fd = held.enter_context(_open(_symbol_file(folder, symbol)))
            if not _try(fd, fcntl.LOCK_EX):
                raise Held(symbol, _read_holder(fd))
            held.enter_context(_named(fd, holder))
        yield


def _held_by_any(folder: Path, account: int) -> Held:
    """Who stands in the way of an account-wide lock: its holder, or the first symbol's."""
    for path in sorted(folder.glob("symbol-*.lock")):
        with _open(path) as fd:
            if not _try(fd, fcntl.LOCK_SH):
                return Held(_symbol_of(path), _read_holder(fd))
    return Held(ANY_SYMBOL, _read_holder(account))


@contextmanager
def _open(path: Path) -> Iterator[int]:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield fd
    finally:
        os.close(fd)  # frees the lock


@contextmanager
def _open_to_read(path: Path) -> Iterator[int]:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def _try(fd: int, operation: int) -> bool:
    try:
        fcntl.flock(fd, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _named(fd: int, holder: Holder) -> Iterator[None]:
    """Writes the holder into its file. The file stays: removing it would race with the next run."""
    os.ftruncate(fd, 0)
    os.pwrite(fd, canonical_bytes(asdict(holder)) + b"\n", 0)
    try:
        yield
    finally:
        os.ftruncate(fd, 0)


def _read_holder(fd: int) -> Holder | None:
    try:
        content = orjson.loads(os.pread(fd, 4096, 0))
        return Holder(content["run"], content["pid"], content["host"], content["since"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None


def _symbol_file(folder: Path, symbol: str) -> Path:
    return folder / f"symbol-{quote(symbol, safe='')}.lock"


def _symbol_of(path: Path) -> str:
    return unquote(path.name.removeprefix("symbol-").removesuffix(".lock"))
