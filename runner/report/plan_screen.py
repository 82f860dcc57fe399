"""A plan for the person whose account it is about: what would be sent, and what it would do.

Pure: the same projection and width give the same text. Prose and tables fit the width; nothing
wraps where there is none. Account numbers are shown by their last four characters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from runner.audit.commitment import last_four
from runner.drive.projection import Line as Way
from runner.drive.projection import Note, Projection, QuoteSeen
from runner.guards.rules import Policy, Rules, limits_as_data
from runner.language.runbook import Runbook
from runner.report.diagnostics import visible
from runner.report.plan_account import account_lines, readings
from runner.report.plan_body import in_words, numbers_of
from runner.report.plan_branches import branch_lines, end_lines
from runner.report.plan_orders import guard_lines, order_lines, refusal_lines
from runner.report.plan_steps import Steps, table
from runner.report.plan_text import Line, Target, count, dollars, given, named, wrapped
from runner.report.plan_totals import Totals
from runner.report.run_text import NEW_YORK, columns, money, paint
from runner.report.run_words import About, order_in_words

INDENT = "  "
MOST_OPEN = 10
"""Open orders of the account that are named."""

FEEDS = {"simulated": "simulated", "default": "the server's default feed", "": "feed unknown"}
SAID = {"refused": "refused", "fails": "would fail", "cannot tell": "cannot tell"}


@dataclass(frozen=True, slots=True)
class Planned:
    """A projection, and what it was made of. `file` is the runbook's, as it was given."""

    projection: Projection
    runbook: Runbook
    file: str
    target: Target
    policy: Policy

    @property
    def rules(self) -> Rules:
        """What the guards measured against."""
        return Rules.of(self.policy, self.runbook.limits, self.target.kind)

    @property
    def about(self) -> About:
        return About(self.runbook, "", self.target.kind, self.target.base_url, Path())

    @property
    def simulated(self) -> bool:
        return self.target.kind == "sim"


def render(planned: Planned, *, width: int | None, color: bool) -> str:
    """The whole screen. The last line says how many orders, how much, and whether it would run."""
    return "".join(
        "".join(paint(text, style, color=color) if style else text for text, style in line).rstrip()
        + "\n"
        for line in _lines(planned, width)
    )


def _lines(planned: Planned, width: int | None) -> Iterator[Line]:
    projection, steps = planned.projection, Steps(planned.runbook)
    main = projection.main
    yield from _head(planned, width)
    rows = steps.tell(main, main.steps, whole=True)
    yield from _section("Steps", table(rows, width))
    numbered = [*enumerate(main.orders, 1)]
    mark = "Simulated " if planned.simulated else ""
    title = f"{mark}orders".capitalize()
    yield from _section(title, order_lines(main.orders, 0, steps, width), "none would be sent")
    yield from _section("Refused", refusal_lines(main.refusals, main.steps, steps, width), "")
    yield from _section("Guards", guard_lines(numbered, width), "")
    accounts = readings(main.begin, main.steps, steps)
    yield from _section(f"{mark}account".capitalize(), account_lines(accounts, width), "")
    yield from _section("Cleanup and end", _end(main, width))
    yield from _section("If it goes otherwise", _branches(projection, steps, width), "")
    yield from _section("Warnings", _notes(projection, steps, width), "")
    yield from _section("Policy", _policy(planned, width))
    yield []
    yield from _last(planned, width)


def _section(title: str, lines: Iterator[Line], otherwise: str | None = None) -> Iterator[Line]:
    """A title and its lines. Without lines what is said otherwise, and nothing where that is
    empty."""
    found = [*lines]
    if not found and not otherwise:
        return
    yield []
    yield [(title, "bold")]
    yield from found or [[(f"{INDENT}{otherwise}", "")]]


# ------------------------------------------------------------------------------ head and end


def _head(planned: Planned, width: int | None) -> Iterator[Line]:
    about, observed = planned.about, planned.projection.observed
    title = f"Plan of {visible(planned.runbook.name)} on {about.target}. Nothing was sent."
    yield from ([(text, "bold")] for text in wrapped(title, width))
    account = observed.account
    number = visible(last_four(str(account.get("account_number") or "")).lstrip("…"))
    ends = f"ends in {number}" if number else "number not told"
    rows = [("runbook", visible(planned.file))]
    params = [f"{visible(name)} {given(one)}" for name, one in planned.runbook.params.items()]
    if params:
        rows.append(("params", " · ".join(params)))
    rows.append(("account", f"{ends} · {visible(str(account.get('status') or 'status unknown'))}"))
    rows.append(("read at", _read_at(planned)))
    rows += [("quote", _quote(one)) for one in observed.quotes]
    rows += [("open", order_in_words(one)) for one in observed.open_orders[:MOST_OPEN]]
    if len(observed.open_orders) > MOST_OPEN:
        rows.append(("open", f"and {len(observed.open_orders) - MOST_OPEN} more"))
    for name, words in named(rows):
        start = f"{INDENT}{name}{INDENT}"
        first, *more = wrapped(words, None if width is None else width - columns(start))
        yield [(start, "dim"), (first, "")]
        yield from ([(" " * columns(start) + text, "")] for text in more)
    if planned.simulated:
        words = "Simulated: account, prices and fills are the embedded exchange's."
        yield from ([(text, "yellow")] for text in wrapped(words, width, INDENT))


def _read_at(planned: Planned) -> str:
    observed = planned.projection.observed
    is_open = observed.clock.get("is_open")
    market = "open" if is_open is True else "closed" if is_open is False else "state unknown"
    when = _moment(observed.at) if observed.at is not None else "unknown"
    return f"{when}, the broker's time · market {market}"


def _moment(at: datetime) -> str:
    return f"{at.astimezone(NEW_YORK):%a %d %b %H:%M:%S} New York"


def _quote(one: QuoteSeen) -> str:
    bid, ask = ("none" if side is None else f"{side:f}" for side in (one.bid, one.ask))
    when = f" at {one.at.astimezone(NEW_YORK):%H:%M:%S}" if one.at is not None else ""
    feed = FEEDS.get(one.feed, f"feed {visible(one.feed)}")
    return f"{visible(one.symbol)} bid {bid}, ask {ask}{when} ({feed})"


def _end(main: Way, width: int | None) -> Iterator[Line]:
    cleanup = main.cleanup
    numbers = numbers_of(main.orders)
    words = (
        "; ".join(in_words(one, numbers) for one in cleanup) or "nothing to cancel, change or send"
    )
    yield from ([(text, "")] for text in wrapped(f"cleanup: {words}", width, INDENT))
    yield from end_lines(main, main.steps, width)


def _branches(projection: Projection, steps: Steps, width: int | None) -> Iterator[Line]:
    by_name = {one.name: one for one in projection.lines}
    for branch in projection.branches:
        if branch is not projection.branches[0]:
            yield []
        yield from branch_lines(branch, by_name[branch.parent], steps, width)


def _notes(projection: Projection, steps: Steps, width: int | None) -> Iterator[Line]:
    for note in projection.notes:
        yield from ([(text, "yellow")] for text in wrapped(_note(note, steps), width, INDENT))
    if projection.not_followed:
        words = f"{count(projection.not_followed, 'fork')} not followed; what happens there is open"
        yield from ([(text, "yellow")] for text in wrapped(words, width, INDENT))


def _note(note: Note, steps: Steps) -> str:
    where = f" ({steps.called(note.step)})" if note.step else ""
    branch = f" in branch {visible(note.line)}" if note.line not in ("", "main") else ""
    return f"{visible(note.code)} {visible(note.message)}{where}{branch}"


def _policy(planned: Planned, width: int | None) -> Iterator[Line]:
    policy, rules = planned.policy, planned.rules
    source = visible(policy.file) if policy.file else "no policy file: the built-in ceilings"
    own = limits_as_data(planned.runbook.limits)
    tightened = ", tightened by the runbook's limits" if own else ""
    yield from ([(text, "")] for text in wrapped(f"{source}{tightened}", width, INDENT))
    limits = " · ".join(
        f"{name} {money(str(value))}" for name, value in limits_as_data(rules.limits).items()
    )
    yield from ([(text, "")] for text in wrapped(limits, width, INDENT))
    facts = [f"symbols {_symbols(rules.symbols)}", f"sides {', '.join(rules.sides)}"]
    facts.append(f"short selling {'allowed' if rules.allow_shorting else 'not allowed'}")
    facts.append(f"the runbook may trade {_symbols(planned.runbook.symbols)}")
    yield from ([(text, "")] for text in wrapped(" · ".join(facts), width, INDENT))
    for guard, reason in rules.off.items():
        words = f"off: {visible(guard)}: {visible(reason)}"
        yield from ([(text, "yellow")] for text in wrapped(words, width, INDENT))


def _symbols(symbols: tuple[str, ...] | None) -> str:
    return "any" if symbols is None else ", ".join(map(visible, symbols))


# ------------------------------------------------------------------------------ the last line


def _last(planned: Planned, width: int | None) -> Iterator[Line]:
    totals = Totals.of(planned.projection)
    style = {"runs": "green", "cannot tell": "yellow"}.get(totals.verdict, "bold red")
    words = last_line(planned)
    yield from ([(text, style)] for text in ([words] if width is None else wrapped(words, width)))


def last_line(planned: Planned) -> str:
    """`2 orders · about $540.02 · would run`: never without the word that it is simulated."""
    totals = Totals.of(planned.projection)
    said = "Simulated: " if planned.simulated else ""
    reason = visible(totals.reason)
    words = "would run" if totals.verdict == "runs" else f"{SAID[totals.verdict]}: {reason}"
    parts = [count(totals.orders, "order")]
    if totals.changes:
        parts.append(count(totals.changes, "change"))
    if totals.cancels:
        parts.append(count(totals.cancels, "cancel"))
    if totals.notional:
        parts.append(f"about {dollars(totals.notional)}")
    if totals.unpriced:
        parts.append(f"{count(totals.unpriced, 'order')} of unknown worth")
    return said + " · ".join([*parts, words])
