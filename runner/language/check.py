"""The whole check of a runbook: text in, a checked runbook or findings out.

Order of the pass, each part reporting all it finds: the located tree (`loader`), scalars read by
their kinds (`shape`), the schema's judgement (`structure`), parameters, the top level, then every
step: its names and types (`scope`, `arguments`), its groups of keys, and its action's own rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from runner.language.arguments import ArgumentCheck
from runner.language.declare import Action, SentBefore
from runner.language.diagnostics import Diagnostic, Note, Report, did_you_mean
from runner.language.document import STEP_LISTS, fields_of
from runner.language.kinds import SYMBOL
from runner.language.loader import load
from runner.language.parameters import (
    Declared,
    GivenValue,
    read_parameters,
    resolve_parameters,
)
from runner.language.runbook import (
    Argument,
    Block,
    Defaults,
    Limits,
    Nested,
    Runbook,
    Step,
)
from runner.language.scope import BEFORE, Names, Place, View, name_steps, steps_by_action
from runner.language.shape import Shape, WrittenStep, read_shape
from runner.language.source import Source, Span
from runner.language.structure import judge
from runner.language.unused import report_unused
from runner.language.values import Value

Given = Mapping[str, GivenValue]


class Checked(Struct, frozen=True):
    """What a check came to. `runbook` is None when anything is an error.

    `report` holds the findings in the runbook itself, `given` those in parameter values, one
    report for each place that they were written.
    """

    runbook: Runbook | None
    report: Report
    given: tuple[Report, ...] = ()

    @property
    def findings(self) -> Iterator[tuple[Source, Diagnostic]]:
        """Every finding with the text it is in, in reading order, the runbook's first."""
        for report in (self.report, *self.given):
            for found in report.sorted():
                yield report.source, found

    @property
    def failed(self) -> bool:
        return any(report.failed for report in (self.report, *self.given))


def check(source: Source, actions: Mapping[str, Action], given: Given | None = None) -> Checked:
    """Check a runbook.

    `given` holds the parameter values of a run; None means that the runbook is only looked at, so
    that parameters without a default have no value and none is missing; such a runbook is not for
    carrying out. Never raises for anything that a file can hold.
    """
    report = Report(source)
    root = load(source, report)
    if root is None:
        return Checked(None, report)
    shape = read_shape(root, actions, report)
    declared = read_parameters(shape.params, shape.faults, report)
    touched = judge(shape.instance, root, actions, shape.faults, report)
    params, reports = resolve_parameters(declared, given, report)
    names = Names(
        {name: one.kind for name, one in declared.parameters.items()},
        frozenset(declared.broken),
        name_steps(shape.steps),
        steps_by_action(shape.steps),
    )
    check_all = _Check(shape, names, params, report)
    top = check_all.top()
    check_all.ids()
    for section in STEP_LISTS:
        for written in shape.steps.get(section, ()):
            check_all.step(written, (section, written.index) in touched)
    if not report.failed:
        report_unused(shape, declared, report)
    failed = report.failed or any(one.failed for one in reports)
    runbook = None if failed else _assemble(source, shape, declared, params, top)
    return Checked(runbook, report, reports)


class _Top(Struct, frozen=True):
    """The top level's values, as far as they are known."""

    limits: Mapping[str, Any]
    defaults: Mapping[str, Any]
    scalars: Mapping[str, Any]
    symbols: tuple[str, ...] | None


class _Check:
    """The judgement of names and types, over a shape whose structure was judged before."""

    def __init__(
        self, shape: Shape, names: Names, params: Mapping[str, Value], report: Report
    ) -> None:
        self.shape = shape
        self.names = names
        self.params = params
        self.report = report
        self.symbols: frozenset[str] | None = None
        self.above: dict[str, Any] = {}  # what is known of `limits`, `defaults` and `symbols`
        self.written_above: frozenset[str] = frozenset()
        self.sent: dict[str, SentBefore] = {}  # what is known of each order, by its step's id

    def top(self) -> _Top:
        """Resolve what stands above the steps; only parameters have values there."""
        judge_argument = ArgumentCheck(View(self.names, BEFORE), self.params, self.report)
        limits = judge_argument.block(self.shape.sections.get("limits", {}))
        defaults = judge_argument.block(self.shape.sections.get("defaults", {}))
        scalars = judge_argument.block(self.shape.top)
        symbols = None
        if self.shape.symbols is not None:
            found = [judge_argument.one(symbol) for symbol in self.shape.symbols]
            symbols = tuple(dict.fromkeys(one for one in found if one is not None))
            if None not in found:
                self.symbols = frozenset(symbols)
        sections = {"limits": limits, "defaults": defaults}
        self.above = {
            f"{name}.{key}": value for name in sections for key, value in sections[name].items()
        }
        written = self.shape.instance.get("symbols")
        if written == "any" or isinstance(written, list):
            self.above["symbols"] = "any" if written == "any" else self.symbols or frozenset()
        self.written_above = frozenset(
            f"{name}.{key}" for name in sections for key in self.shape.sections.get(name, ())
        )
        return _Top(limits, defaults, scalars, symbols)

    def ids(self) -> None:
        """RB304: an id given twice."""
        first: dict[str, WrittenStep] = {}
        for section in STEP_LISTS:
            for written in self.shape.steps.get(section, ()):
                if written.id in first:
                    self.report.error(
                        "RB304",
                        f"two steps have the id '{written.id}'",
                        written.id_span,
                        label="given again here",
                        help="Give one of them another id.",
                        notes=(Note("first given here", first[written.id].id_span),),
                    )
                elif written.id:
                    first[written.id] = written

    def step(self, written: WrittenStep, touched: bool) -> None:
        """Check one step. The action's own rules are asked unless the step is `touched` by an
        error of structure: a misspelt key must not also be reported as one that is missing."""
        step = written.step
        if step is None:
            return
        at: Place = (STEP_LISTS.index(written.section), written.index)
        judge_argument = ArgumentCheck(
            View(self.names, at, step.when), self.params, self.report, self.sent
        )
        if step.when is not None:
            ArgumentCheck(View(self.names, at), self.params, self.report).condition(step.when)
        if step.timeout is not None:
            judge_argument.one(step.timeout)
        known = judge_argument.block(step.arguments)
        self._listed_symbols(step, known)
        if step.action.asks and written.section == "finally":
            self.report.error(
                "RB309",
                f"{step.action.name} cannot stand in `finally`",
                step.span,
                label="a safe stop must not wait for an answer",
                help="Ask in `steps` or `on_failure`.",
            )
        given = written.keys | step.arguments.keys()
        self._add_defaults(step, known, given)
        if step.action.sends and step.id:
            self.sent.setdefault(step.id, SentBefore(step.id, "", known, given))
        if not touched and self._groups(step, given):
            self._own_rules(step, known, given)

    def _groups(self, step: Step, written: frozenset[str]) -> bool:
        """RB202 and RB208: of each group of keys exactly one is given."""
        sound = True
        for group in step.action.one_of:
            given = [step.arguments[key] for key in group if key in step.arguments]
            words = ", ".join(f"'{key}'" for key in group[:-1]) + f" or '{group[-1]}'"
            if not written.intersection(group):
                sound = False
                self.report.error(
                    "RB202",
                    f"{step.action.name} needs {words}",
                    step.span,
                    label=f"{words} is missing",
                )
            elif len(given) > 1:
                sound = False
                first, second = given[0], given[1]
                self.report.error(
                    "RB208",
                    f"{step.action.name} takes {words}, not both '{first.field.name}' and "
                    f"'{second.field.name}'",
                    max(first.span, second.span),
                    label="remove one of the two",
                    notes=(Note("the other one", min(first.span, second.span)),),
                )
        return sound

    def _listed_symbols(self, step: Step, known: Mapping[str, Any]) -> None:
        """RB308: a symbol that the runbook does not list. To only look at one is no error, but
        a misspelt symbol holds no position either, so it is pointed out."""
        for argument, value in _symbols(step.arguments, known):
            if self.symbols is None or value in self.symbols:
                continue
            say = self.report.warn if step.action.polls else self.report.error
            say(
                "RB308",
                f"'{value}' is not among this runbook's symbols",
                argument.span,
                label="not listed in `symbols`",
                help=did_you_mean(value, sorted(self.symbols)) or "Add it to `symbols`.",
            )

    def _add_defaults(self, step: Step, known: dict[str, Any], given: frozenset[str]) -> None:
        """Add the values that keys have which are not written."""
        for name, field in fields_of(step.action.arguments).items():
            if name in given:
                continue
            if name == "time_in_force" and "defaults.time_in_force" in self.above:
                known[name] = self.above["defaults.time_in_force"]
            elif field.default is not None:
                known[name] = field.kind.read(field.default)

    def _own_rules(self, step: Step, known: Mapping[str, Any], given: frozenset[str]) -> None:
        action = step.action
        if action.check is None:
            return
        for finding in action.check({**self.above, **known}, given | self.written_above):
            span = _span_of(step, finding.field)
            self.report.error(finding.code, finding.message, span, help=finding.help)


def _symbols(
    arguments: Mapping[str, Argument], known: Mapping[str, Any]
) -> Iterator[tuple[Argument, str]]:
    """The written symbols whose values are certain, those of nested lists included."""
    for name, argument in arguments.items():
        if name not in known:
            continue
        items = argument.content if isinstance(argument.content, tuple) else (argument,)
        values = known[name] if isinstance(known[name], tuple) else (known[name],)
        for item, value in zip(items, values, strict=True):
            if isinstance(item.content, Nested):
                yield from _symbols(item.content.arguments, value)
            elif item.field.kind is SYMBOL:
                yield item, value


def _span_of(step: Step, name: str) -> Span:
    """Where a finding of a step's own rules stands: `legs.1.side`, or what is nearest to it."""
    span, arguments = step.span, step.arguments
    items: tuple[Argument, ...] = ()
    for part in name.split("."):
        found = items[int(part)] if items else arguments.get(part)
        if found is None:
            break
        span, content = found.span, found.content
        items = content if isinstance(content, tuple) else ()
        arguments = content.arguments if isinstance(content, Nested) else {}
    return span


def _assemble(
    source: Source,
    shape: Shape,
    declared: Declared,
    params: Mapping[str, Value],
    top: _Top,
) -> Runbook:
    def steps(section: str) -> tuple[Step, ...]:
        return tuple(written.step for written in shape.steps.get(section, ()) if written.step)

    return Runbook(
        name=top.scalars["name"],
        source=source,
        body=Block(steps("steps"), steps("on_failure"), steps("finally")),
        symbols=top.symbols,
        description=top.scalars.get("description", ""),
        parameters=declared.parameters,
        params=params,
        limits=Limits(**top.limits),
        defaults=Defaults(**top.defaults),
        timeout=top.scalars.get("timeout"),
        valid_until=top.scalars.get("valid_until"),
    )
