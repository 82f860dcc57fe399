"""Makes the logs of the scenes: real runs in processes that are really killed.

What differs from one recording to the next is made equal afterwards, and the chain sealed again:
wall times and the port of the exchange. Ids of runs come from the names
of the scenes, and so do the orders' client ids.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import signal
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from crash.exchange import Remote, an_exchange
from replays.scenes import SCENES, Scene, Strike, Turn
from requests.adapters import HTTPAdapter

from runner.audit import journal, ledger
from runner.audit.ledger import Ledger
from runner.audit.log import read_log
from runner.audit.records import GENESIS, Record, seal
from runner.broker import sdk
from runner.broker.credentials import Credentials
from runner.broker.targets import resolve
from runner.broker.wire import Timeouts
from runner.drive import session
from runner.drive.halt import Level, Place, halt
from runner.drive.observer import Nobody
from runner.drive.resuming import take_up
from runner.drive.signals import Signals
from runner.drive.unfinished import look_at
from runner.language.check import check
from runner.language.parameters import given_by_option
from runner.language.source import Source
from runner.sim import Served, default_scenario, shell  # noqa: F401 - imported before the fork
from runner.sim.scenario_file import parse_scenario
from runner.steps import ACTIONS

REPLAYS = Path(__file__).resolve().parent
LIBRARY = REPLAYS.parents[1] / "runbooks"
KEYS = Credentials("PKTEST", "a-secret")
TIMEOUTS = Timeouts(connect=2, read=5, total=10)
PORT = "127.0.0.1:8787"
BEGAN = int(datetime(2026, 11, 23, 15, tzinfo=UTC).timestamp()) * 1_000_000_000
MILLISECOND = 1_000_000
MOST = 256 * 1024
"""Bytes of one log: what is larger shows too much for one file."""


def record_all(into: Path = REPLAYS, only: str = "") -> list[str]:
    """Record every scene, or those whose names hold `only`; returns what was not as it says."""
    wrong = []
    for scene in SCENES:
        if only not in scene.name:
            continue
        with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
            remote = None if scene.inside else stack.enter_context(an_exchange())
            try:
                log = _Stage(scene, Path(folder), remote).play()
                lines = list(_equal(read_log(log).records))
            except (AssertionError, OSError, ValueError) as error:
                wrong.append(f"{scene.name}: {error}")
                continue
        status = lines[-1][0].data.get("status", "")
        if status != scene.ends:
            wrong.append(f"{scene.name}: it ended {status!r}, not {scene.ends!r}")
        content = b"".join(line for _, line in lines)
        if len(content) > MOST:
            wrong.append(f"{scene.name}: {len(content)} bytes are more than {MOST}")
        (into / f"{scene.name}.jsonl").write_bytes(content)
    if not only:
        for old in set(into.glob("*.jsonl")) - {into / f"{one.name}.jsonl" for one in SCENES}:
            old.unlink()
    _write_ledger(into)
    (into / "README.md").write_text(readme(into), encoding="utf-8")
    return wrong


def run_id_of(scene: Scene) -> str:
    """The id of a scene's run, the same in every recording."""
    digits = hashlib.sha256(scene.name.encode()).digest()[:10]
    return f"20261123T150000Z-{base64.b32encode(digits).decode().lower()}"


# -------------------------------------------------------------------------- carrying out


class _Stage:
    """One scene, in a folder of its own."""

    def __init__(self, scene: Scene, folder: Path, remote: Remote | None) -> None:
        self.scene = scene
        self.folder = folder
        self.remote = remote
        self.log = folder / "audit" / f"{run_id_of(scene)}.jsonl"

    def play(self) -> Path:
        """Every turn of it; gives the log."""
        if self.remote is not None:
            self.remote.begin(self.scene.scenario)
        for turn in self.scene.turns:
            if turn.kind != "run" and self.remote is not None:
                if turn.price:
                    self.remote.ask("POST", "/sim/prices", {"AAPL": turn.price})
                self.remote.pass_time(turn.after)
            self._forked(turn)
        return self.log

    def _forked(self, turn: Turn) -> None:
        said = self.folder / "said"
        child = os.fork()
        if child == 0:
            try:
                self._in_the_child(turn)
            except BaseException:  # noqa: BLE001 - a forked process must not go on as its parent
                said.write_text(traceback.format_exc(), encoding="utf-8")
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        assert not said.exists(), said.read_text(encoding="utf-8")
        killed = turn.strike is not None and turn.strike.what == "kill"
        assert os.WIFSIGNALED(status) == killed, "it was not struck where the scene says"

    def _in_the_child(self, turn: Turn) -> None:
        state = self.folder / "state"
        os.environ.update(
            RUNBOOK_STATE_DIR=str(state), XDG_CONFIG_HOME=str(self.folder / "config"), TZ="UTC"
        )
        os.environ.pop("RUNBOOK_POLICY", None)
        os.chdir(self.folder)
        _key_of_commitments(state)
        if self.remote is not None:
            self.remote.reconnect()
        if turn.strike is not None:
            _strike(turn.strike)
        signals = Signals()
        with signals.installed():
            if turn.kind == "run":
                self._run(signals)
            else:
                self._resume(turn, signals)

    def _run(self, signals: Signals) -> None:
        scene, remote = self.scene, self.remote
        session.run_id = lambda at, randomness: run_id_of(scene)  # type: ignore[attr-defined]
        given = {}
        for name, value in scene.params.items():
            option = given_by_option(f"{name}={value}")
            assert option is not None
            given[name] = option
        checked = check(_source(scene), ACTIONS, given)
        assert checked.runbook is not None, list(checked.findings)
        text = scene.scenario
        scenario = parse_scenario(text.encode(), "scenario", None) if text else default_scenario()
        plan = session.Plan(
            checked.runbook,
            resolve(remote.url if remote else "sim"),
            KEYS,
            self.log.parent,
            TIMEOUTS,
            None if remote else session.Inside(scenario, text),
            cast(Served, remote),
            yes=scene.yes,
        )
        session.begin(plan).carry_out(Nobody(), signals)

    def _resume(self, turn: Turn, signals: Signals) -> None:
        found: Any = look_at(self.log)
        behind = cast(Served, self.remote)
        run = take_up(found, found.target, KEYS, timeouts=TIMEOUTS, behind=behind, yes=True)
        if turn.kind == "stop":
            run.stop(Nobody(), signals)
        else:
            run.carry_out(Nobody(), signals, go_on=turn.kind == "continue")


def _source(scene: Scene) -> Source:
    file = LIBRARY / f"{scene.runbook}.yaml"
    if "\n" not in scene.runbook:
        return Source(f"runbooks/{file.name}", file.read_text(encoding="utf-8"))
    return Source(f"{scene.name}.yaml", scene.runbook)


def _key_of_commitments(state: Path) -> None:
    """The same key in every recording. It guards nothing: the account is the exchange's."""
    state.mkdir(exist_ok=True)
    (state / "account-key").write_text("c0" * 32, encoding="ascii")


def _strike(strike: Strike) -> None:
    """Have this process struck, once."""
    seen = 0

    def now() -> None:
        if strike.what == "halt":
            place, reason = Place.of_user(), "the desk closes"
            halt(place, Level.OPENING, by="the desk", since="2026-11-23T15:00:00Z", reason=reason)
        else:
            os.kill(os.getpid(), getattr(signal, "SIGKILL" if strike.what == "kill" else "SIGINT"))

    def around(work: Callable[[], Any], *, hit: bool) -> Any:
        nonlocal seen
        seen += hit
        struck = hit and seen == strike.nth
        if struck and strike.place == "before":
            now()
        done = work()
        if struck and strike.place == "after":
            now()
        return done

    write_all, send = journal.write_all, HTTPAdapter.send

    def write(fd: int, content: bytes) -> None:
        text = content.decode()
        hit = bool(strike.words) and all(word in text for word in strike.words)
        around(lambda: write_all(fd, content), hit=hit)

    def sent(self: HTTPAdapter, request: Any, *arguments: Any, **named: Any) -> Any:
        hit = not strike.words and request.method == strike.method
        return around(lambda: send(self, request, *arguments, **named), hit=hit)

    for module in (journal, ledger):
        module.write_all = write  # type: ignore[attr-defined]
    HTTPAdapter.send = sent  # type: ignore[method-assign]


# ------------------------------------------------------------------------ making them equal


def _equal(records: Sequence[Record]) -> Iterator[tuple[Record, bytes]]:
    """The records as every recording has them, in a chain of their own."""
    previous = GENESIS
    for record in records:
        sealed, line = seal(
            seq=record.seq,
            wall_ns=BEGAN + record.seq * MILLISECOND,
            run=record.run,
            type=record.type,
            step=record.step,
            data=_without_place(record.data),
            prev=previous,
        )
        previous = sealed.hash
        yield sealed, line


def _without_place(value: Any) -> Any:
    """Data without the port that this recording's exchange had."""
    if isinstance(value, str):
        return re.sub(r"127\.0\.0\.1:\d+", PORT, value)
    if isinstance(value, dict):
        return {key: _without_place(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_place(inner) for inner in value]
    return value


def _write_ledger(into: Path) -> None:
    """A ledger that vouches for the logs as they are."""
    (into / "ledger.jsonl").unlink(missing_ok=True)
    told = 0

    def wall() -> int:
        nonlocal told
        told += 1
        return BEGAN + 3_600_000 * MILLISECOND + told * MILLISECOND

    kept = Ledger(into, wall=wall)
    for path in sorted(into.glob("*.jsonl")):
        if path.name == "ledger.jsonl":
            continue
        records = read_log(path).records
        last, log = records[-1], {"log": path.name}
        kept.append("opened", log, run=last.run)
        for one in records:
            if one.type == "run.resumed":
                kept.append("resumed", log, run=last.run)
        if last.type == "run.finished":
            end = {"records": last.seq, "head": last.hash, "exit_code": last.data["exit_code"]}
            kept.append("closed", log | end, run=last.run)
    (into / "ledger.jsonl").chmod(0o644)


# ------------------------------------------------------------------------------ the page


def readme(into: Path) -> str:
    """The page of the corpus."""
    rows = []
    for scene in SCENES:
        path = into / f"{scene.name}.jsonl"
        records = read_log(path).records if path.exists() else []
        effects = sum(one.type == "effect.intent" for one in records)
        ends = (scene.ends or "open").replace("_", " ")
        rows.append(f"| `{path.name}` | {scene.shows} | {ends} | {effects} |")
    return PAGE.replace("ROWS", "\n".join(rows))


PAGE = """\
# Logs that every change of the engine must still replay

Each file is the log of one run, recorded on the embedded exchange. The tests verify all of them and
replay all of them: each effect and each decision must come out again as it is recorded. A change of
the engine that alters what a past run decided fails there, and is either a mistake, or needs a new
ABI (`runner/effects.py`) on which the new behaviour is gated.

| log | shows | ends | effects |
|---|---|---|---|
ROWS

`ledger.jsonl` vouches for them, as in any directory of logs: `runbook audit verify tests/replays`.

## Recording them again

```sh
python -m tests.replays.record            # all; or name a part of a scene's name
git diff --stat tests/replays
```

The same engine records the same bytes, so a diff is what has changed. `scenes.py` says what happens
in each scene, `stage.py` carries them out: in processes of their own, killed where the scene says.
Wall times and the exchange's port are then made equal and the records sealed again. The logs hold
no keys, and of account numbers the commitments under a key that is the same in every recording.

Logs of an older engine stay: do not record them again to make a test pass. Record again when a
scene is added, or when nothing that was decided has changed, only what is written about it.
When the ABI rises, first move them to a folder named after the old one, and have the test replay
that too.
"""

sdk.load()
