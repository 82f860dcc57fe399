"""`runbook doctor`: whether everything that a run needs is there, found out by reading alone.

Each check stands by itself: one that fails, even by a defect of ours, does not stop the others.
What depends on something that could not be read is unknown, and unknown is never fine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from runner.broker.credentials import Credentials
from runner.drive import doctor_broker, doctor_directories, doctor_house
from runner.drive.doctor_checks import Check, Examination, Subject, stand_alone
from runner.drive.secrecy import redactor_of


def examine(subject: Subject, monotonic: Callable[[], float] = time.monotonic) -> Examination:
    """Make every check. Sends nothing; writes nothing but a probe file in the log directory and
    one in the state directory, which it removes. `monotonic` gives seconds."""
    credentials, found = doctor_house.credentials(subject)
    policy, ruled = doctor_house.policy(subject)
    asked = doctor_broker.examine(subject, credentials, policy, monotonic)
    accounts = policy.accounts if policy is not None else ()
    checks = [
        *stand_alone("environment", lambda: doctor_house.environment(subject)),
        found,
        *asked,
        *ruled,
        *doctor_directories.examine(subject),
    ]
    return Examination(subject.target, tuple(_without_secrets(checks, credentials, accounts)))


def _without_secrets(
    checks: Sequence[Check], credentials: Credentials | None, accounts: Sequence[str]
) -> Sequence[Check]:
    """A server may repeat the key that it was sent, and name the account."""
    if credentials is None:
        return checks
    net = redactor_of(credentials, accounts=accounts)
    return [
        replace(
            one,
            message=net.text(one.message),
            todo=net.text(one.todo),
            command=net.text(one.command),
        )
        for one in checks
    ]
