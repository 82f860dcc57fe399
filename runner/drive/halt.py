"""The kill switch: a file that every run looks at, and that needs nothing else to be well.

There is one for the user, in the state directory, and there may be one in an audit directory; a run
obeys both. A halt lets what cancels or reduces a position through, or, where it says so, only what
cancels.

What holds, and what a failure means:

1. No file is not halted. A file that is damaged, empty or cannot be read is halted: nobody can say
   that it was not meant so.
2. The file is whole or not there: it is written beside its place, put on disk, then moved.
3. Where its text cannot be written, because the disk is full for instance, an empty file halts too.
4. A halt never makes a stricter one looser; `lift` alone does.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import orjson

from runner.audit.canonical import canonical_bytes
from runner.audit.journal import make_directory, sync_directory, write_all
from runner.audit.lock import state_directory
from runner.effects import Effect, Problem, Reason, Replace, Submit

FILE_NAME = "halt.json"
"""In an audit directory only logs and the ledger end in `.jsonl`."""

LONGEST_REASON = 500
"""Characters of a reason that are kept."""

_LARGEST = 65536
_NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK)
"""What a file system without hard links answers."""


class Level(StrEnum):
    """What a halt stops."""

    OPENING = "opening"  # orders that open risk; what cancels or reduces goes through
    ALL = "all"  # every order; only cancels go through


class Scope(StrEnum):
    """Whose runs a switch is for."""

    USER = "user"
    DIRECTORY = "directory"


class Change(StrEnum):
    """What a halt did to a switch."""

    SET = "set"
    STRICTER = "stricter"  # it was set already, and stops more now
    KEPT = "kept"  # it was set already, as strictly or more so


@dataclass(frozen=True, slots=True)
class Place:
    """Where a switch is."""

    path: Path
    scope: Scope

    @classmethod
    def of_user(cls, environment: Mapping[str, str] = os.environ) -> Place:
        """The user's: in the state directory, where the locks are."""
        return cls(state_directory(environment) / FILE_NAME, Scope.USER)

    @classmethod
    def of_directory(cls, audit_dir: Path) -> Place:
        """That of an audit directory."""
        return cls(audit_dir / FILE_NAME, Scope.DIRECTORY)


@dataclass(frozen=True, slots=True)
class Switch:
    """A switch that is set. `since` is RFC 3339 text in UTC. `damage` is why its file cannot be
    believed, in words: then it counts as set, and who did it is not known."""

    place: Place
    level: Level
    by: str = ""
    since: str = ""
    reason: str = ""
    damage: str = ""

    @property
    def words(self) -> str:
        """Who halted, when and why: what follows on the word halted."""
        where = " for this audit directory" if self.place.scope is Scope.DIRECTORY else ""
        if self.damage:
            return (
                f"because the kill switch{where} cannot be believed: {self.place.path} "
                f"{self.damage}"
            )
        why = f": {self.reason}" if self.reason else ""
        return f"by {self.by} at {self.since}{where}{why}"


@dataclass(frozen=True, slots=True)
class KillSwitch:
    """Both switches that one run obeys."""

    places: tuple[Place, ...]

    @classmethod
    def of(cls, audit_dir: Path, environment: Mapping[str, str] = os.environ) -> KillSwitch:
        return cls((Place.of_user(environment), Place.of_directory(audit_dir)))

    def read(self) -> Switch | None:
        """The strictest that is set; the user's own where both are alike."""
        found = [switch for place in self.places if (switch := read_switch(place)) is not None]
        return max(found, key=lambda one: one.level is Level.ALL, default=None)

    def words(self) -> str:
        """Who halted, when and why; empty when nobody did."""
        switch = self.read()
        return switch.words if switch is not None else ""

    def refuses(self, effect: Effect) -> Problem | None:
        """Why an effect must not be performed. Only orders are ever stopped, cancels never."""
        if not isinstance(effect, Submit | Replace):
            return None
        switch = self.read()
        if switch is None or not (effect.opens or switch.level is Level.ALL):
            return None
        only = ", which lets only cancels through" if switch.level is Level.ALL else ""
        words = f"stopped by the kill switch{only}: halted {switch.words}"
        return Problem(Reason.HALTED, words)


def read_switches(
    audit_dir: Path | None = None, environment: Mapping[str, str] = os.environ
) -> list[Switch]:
    """The switches that are set: the user's, then that of an audit directory. Never fails."""
    places = [Place.of_user(environment)]
    if audit_dir is not None:
        places.append(Place.of_directory(audit_dir))
    return [switch for place in places if (switch := read_switch(place)) is not None]


def read_switch(place: Place) -> Switch | None:
    """The switch at a place; None when it is not set. Never fails."""
    try:
        content = _content(place.path)
    except FileNotFoundError:
        # A link that leads nowhere was put there by somebody.
        return _damaged(place, "leads nowhere") if place.path.is_symlink() else None
    except OSError as error:
        return _damaged(place, f"cannot be read ({error.strerror or error})")
    if not content:
        return _damaged(place, "is empty")
    try:
        said = orjson.loads(content)
        told = [said[key] for key in ("by", "since", "reason")]
        if not all(isinstance(one, str) for one in told):
            return _damaged(place, "is not what `runbook halt` writes")
        return Switch(place, Level(said["level"]), *told)
    except (ValueError, KeyError, TypeError):
        return _damaged(place, "is not what `runbook halt` writes")


def halt(place: Place, level: Level, *, by: str, since: str, reason: str) -> tuple[Switch, Change]:
    """Set a switch; it is on disk on return. Returns what holds now, and what was done.

    Raises `OSError` when it could not be set so; it may be set less strictly then.
    """
    before = read_switch(place)
    why = _clean(reason) or (before.reason if before is not None else "")
    wanted = Switch(place, level, by, since, why)
    whole = before is not None and not before.damage
    if before is not None and whole and (before.level is level or level is Level.OPENING):
        return before, Change.KEPT
    make_directory(place.path.parent)
    try:
        with _written(wanted) as file:
            # Only a stricter halt may take the place of another that came meanwhile.
            if level is Level.ALL or before is not None or not _linked(file, place.path):
                file.replace(place.path)
    except FileExistsError:
        return halt(place, level, by=by, since=since, reason=reason)
    except OSError:
        _touch(place.path)
        if level is Level.ALL:
            raise
        return read_switch(place) or wanted, Change.SET
    sync_directory(place.path.parent)
    return wanted, Change.STRICTER if whole else Change.SET


def lift(place: Place) -> Switch | None:
    """Take a switch away; that is on disk on return. Returns what it was, None when it was not set.

    Raises `OSError` when it cannot be taken away: it holds then.
    """
    before = read_switch(place)
    if before is None:
        return None
    with suppress(FileNotFoundError):
        place.path.unlink()
        sync_directory(place.path.parent)
    return before


def _content(path: Path) -> bytes:
    # Opening a pipe that somebody put there must not wait for a writer.
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "it is not a file")
        return os.read(fd, _LARGEST)
    finally:
        os.close(fd)


def _damaged(place: Place, damage: str) -> Switch:
    """What cannot be read halts; what only reduces risk is never trapped by that."""
    return Switch(place, Level.OPENING, damage=damage)


@contextmanager
def _written(switch: Switch) -> Iterator[Path]:
    """The switch in a file beside its place, on disk."""
    said = {"v": 1, "level": switch.level.value, "by": switch.by, "since": switch.since}
    file = switch.place.path.with_name(f".{FILE_NAME}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            write_all(fd, canonical_bytes({**said, "reason": switch.reason}) + b"\n")
            os.fsync(fd)
        finally:
            os.close(fd)
        yield file
    finally:
        file.unlink(missing_ok=True)


def _linked(file: Path, path: Path) -> bool:
    """Put a file in its place unless one is there, which raises `FileExistsError`; False where the
    file system cannot do that."""
    try:
        path.hardlink_to(file)
    except OSError as error:
        if error.errno in _NO_LINKS:
            return False
        raise
    return True


def _touch(path: Path) -> None:
    """An empty file halts as well: it takes no room. Raises `OSError` when not even that works."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    sync_directory(path.parent)


def _clean(reason: str) -> str:
    """A reason as a file can hold it: a shell may hand over bytes that are no text."""
    text = reason.strip().encode("utf-8", "replace").decode()
    return text if len(text) <= LONGEST_REASON else f"{text[: LONGEST_REASON - 1]}…"
