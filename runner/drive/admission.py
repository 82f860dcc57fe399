"""Which account a run may trade: the one its plan was made for, and on live one that the owner's
policy lists. It is looked at where the account is read, right before the run is bound to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from runner.audit.commitment import Commit
from runner.audit.records import Record
from runner.world import Account


class Admission(Struct, frozen=True):
    """`listed` are account numbers, None where any may be traded; `planned` is the account id of
    the plan that is carried out, empty without one."""

    listed: tuple[str, ...] | None = None
    planned: str = ""

    def refuses(self, data: Mapping[str, Any]) -> str:
        """Why the account must not be traded by this run; empty when it may be."""
        account = Account.read(data)
        if self.planned and account.id != self.planned:
            return (
                "the plan was made for another account than these credentials open; make a plan "
                "for this one with `runbook plan -o`"
            )
        if self.listed is not None and account.number not in self.listed:
            # Not even its end is told here: what is told goes into the log.
            return (
                "the policy does not list the number of this account; add it to `accounts` of the "
                "policy file (`runbook doctor` shows how it ends)"
            )
        return ""


ANY = Admission()


def not_listed_any_more(listed: Sequence[str], records: Sequence[Record], commit: Commit) -> str:
    """Why the steps of a live run must not go on: the policy does not list its account; empty
    where it does, or where the run was not bound yet. The log holds what stands for the number."""
    bound = [one.data.get("account_number") for one in records if one.type == "run.bound"]
    if not bound or bound[0] in {commit(number) for number in listed}:
        return ""
    return "it does not list the account of the run"
