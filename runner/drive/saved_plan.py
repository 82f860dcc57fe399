"""A plan in a file: what was shown, what it rests on, and a digest that ties both together.

The file is canonical JSON. Equal observations at an equal reading of the broker's clock give equal
bytes. A plan is of one runbook, one set of parameters, one policy, one target and one account; it
expires `EXPIRES` after the broker's time at which it was made.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from runner.audit.canonical import canonical_bytes, digest
from runner.audit.errors import CanonicalError
from runner.drive.drift import basis_of
from runner.drive.projection import Projection
from runner.effects import instant
from runner.world import moment

FORMAT = 1
EXPIRES = timedelta(minutes=15)
LARGEST = 16 * 1024 * 1024
"""Bytes of a plan that are read."""

SHORT = 12
"""Characters of a digest that people see and type; a plan is named by at least `FEWEST`."""
FEWEST = 8

_NEEDED = {"at": str, "basis": dict, "runbook": dict, "params": dict, "policy": dict,
           "target": dict, "account": dict}  # fmt: skip
_NEW = "Make a new one with `runbook plan -o`."


class PlanRefused(Exception):  # noqa: N818 - it says no; it is not a programming error
    """A saved plan that must not be carried out; the message says why (exit 11)."""


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan as it was saved. `digest` is SHA-256, in hex, of all the rest."""

    data: Mapping[str, Any]
    digest: str

    @property
    def short(self) -> str:
        return self.digest[:SHORT]

    @property
    def at(self) -> datetime:
        """The broker's time at which it was made."""
        found = moment(self.data["at"])
        assert found is not None
        return found

    @property
    def expires(self) -> datetime:
        """The broker's time from which it is not carried out any more."""
        return self.at + EXPIRES

    def is_named_by(self, text: str) -> bool:
        """Whether a person named this plan: by the first characters of its digest, or all."""
        typed = text.strip().lower()
        return len(typed) >= FEWEST and self.digest.startswith(typed)

    def must_hold_at(self, now: datetime | None) -> None:
        """Raise `PlanRefused` when it has expired by the broker's clock, or that is not told."""
        if now is None:
            raise PlanRefused("The broker's clock could not be read. Nothing was sent.")
        if not self.at <= now < self.expires:
            raise PlanRefused(
                f"The plan was made at {_clock(self.at)} and holds until {_clock(self.expires)}; "
                f"the broker's clock says {_clock(now)}. {_NEW} Nothing was sent."
            )


def plan_to_save(
    data: Mapping[str, Any],
    projection: Projection,
    *,
    data_url: str = "",
    scenario: Mapping[str, str] | None = None,
) -> SavedPlan:
    """The plan as it is saved: what is shown (`data`), what it rests on, and where it is for.

    `scenario` is what the exchange inside began with, as a run's log keeps it.
    """
    at = projection.observed.at
    if at is None:
        raise PlanRefused("The broker's clock could not be read, so the plan cannot be saved.")
    whole = {
        **data,
        "at": instant(at),
        "expires": instant(at + EXPIRES),
        "basis": basis_of(projection),
        "data_url": data_url,
        "scenario": None if scenario is None else dict(scenario),
    }
    return SavedPlan(whole, digest(whole))


def as_bytes(plan: SavedPlan) -> bytes:
    """The file's content."""
    return canonical_bytes({**plan.data, "digest": plan.digest}) + b"\n"


def save(plan: SavedPlan, path: Path) -> None:
    """Write a plan into a file for its owner alone; an older one is replaced at once, whole.

    Raises `OSError`.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(as_bytes(plan))
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def load(path: Path) -> SavedPlan:
    """A saved plan. Raises `PlanRefused` when the file is none, or is not as it was saved."""
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST + 1)
    except OSError as error:
        raise PlanRefused(f"{path} cannot be read: {error.strerror or error}.") from None
    if len(text) > LARGEST:
        raise PlanRefused(f"{path} is too large to be a plan.")
    try:
        data = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise PlanRefused(f"{path} is not a saved plan: {error}.") from None
    if not isinstance(data, dict) or not {"plan", "digest"} <= data.keys():
        raise PlanRefused(f"{path} is not a saved plan.")
    if data["plan"] != FORMAT:
        raise PlanRefused(
            f"{path} is a plan of format {data['plan']}; this version reads {FORMAT}. {_NEW}"
        )
    said = data.pop("digest")
    try:
        found = digest(data)
    except CanonicalError as error:
        raise PlanRefused(f"{path} was changed after it was saved: {error}. {_NEW}") from None
    if said != found:
        raise PlanRefused(
            f"{path} was changed after it was saved: its digest is {found[:SHORT]}, not "
            f"{str(said)[:SHORT]}. {_NEW} Nothing was sent."
        )
    if not all(isinstance(data.get(key), kind) for key, kind in _NEEDED.items()):
        raise PlanRefused(f"{path} is not a saved plan: it is not whole.")
    return SavedPlan(data, found)


def _clock(moment_: datetime) -> str:
    return f"{moment_:%Y-%m-%d %H:%M:%S} UTC"
