"""Which names a place in a runbook can read, and why not the others.

Codes: RB301 an unknown name, RB302 a step that runs later, RB303 (given by `expressions`) a value
that may be absent, RB305 an output that a step does not have, RB306 an order that no step sends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct, field

from runner.language.absence import may_lack
from runner.language.declare import Action, Output
from runner.language.diagnostics import did_you_mean
from runner.language.document import STEP_LISTS
from runner.language.expressions import Expression, Known, Missing
from runner.language.expressions.presence import NOTHING_KNOWN, learned
from runner.language.kinds import MOMENT, TEXT, Kind
from runner.language.runbook import OrderReference
from runner.language.shape import WrittenStep

Place = tuple[int, int]
"""When a step runs, for comparing: its list's rank, and its index there."""

BEFORE: Place = (-1, 0)
"""Before every step: the top level, where only parameters have values."""

_RANK = {section: rank for rank, section in enumerate(STEP_LISTS)}
_MAIN, _RESCUE, _ALWAYS = range(3)


class Names(Struct, frozen=True):
    """Every name of one runbook. `broken` parameters are declared, but nobody knows as what.

    `by_action` holds the first step of each action: no name, but taken for one.
    """

    params: Mapping[str, Kind]
    broken: frozenset[str] = frozenset()
    steps: Mapping[str, tuple[Place, WrittenStep]] = field(default_factory=dict)
    by_action: Mapping[str, tuple[Place, WrittenStep]] = field(default_factory=dict)

    def written(self, step_id: str) -> WrittenStep | None:
        """The step of an id, as it was written."""
        return self.steps[step_id][1] if step_id in self.steps else None

    def broken_name(self, path: tuple[str, ...]) -> bool:
        """Whether the name's own declaration is already an error."""
        match path:
            case ("params", name, *_):
                return name in self.broken
            case ("steps", step_id, *_) if step_id in self.steps:
                return self.steps[step_id][1].step is None
        return False


def name_steps(steps: Mapping[str, list[WrittenStep]]) -> dict[str, tuple[Place, WrittenStep]]:
    """The steps by id; of several with one id, the first."""
    named: dict[str, tuple[Place, WrittenStep]] = {}
    for place, written in _in_order(steps):
        if written.id:
            named.setdefault(written.id, (place, written))
    return named


def steps_by_action(
    steps: Mapping[str, list[WrittenStep]],
) -> dict[str, tuple[Place, WrittenStep]]:
    """The first step of each action, by the action's name."""
    found: dict[str, tuple[Place, WrittenStep]] = {}
    for place, written in _in_order(steps):
        if written.step is not None:
            found.setdefault(written.step.action.name, (place, written))
    return found


def _in_order(
    steps: Mapping[str, list[WrittenStep]],
) -> Iterator[tuple[Place, WrittenStep]]:
    for section, rank in _RANK.items():
        for written in steps.get(section, ()):
            yield (rank, written.index), written


class View(Struct, frozen=True):
    """What one step can see: `expressions.Scope`.

    `when` is the step's own condition. What it asks about (`ran(entry)`) may be relied on in the
    step, and a step under the very same condition ran when this one runs: outputs never change.
    """

    names: Names
    at: Place = BEFORE
    when: Expression | None = None
    polled: Mapping[str, Output] | None = None

    def resolve(self, path: tuple[str, ...]) -> Known | Missing:
        match path:
            case ("params", name):
                return self._param(name)
            case ("steps", step_id, output):
                return self._output(step_id, output)
            case ("steps", step_id):
                return self._whole_step(step_id)
            case ("run", name):
                return self._run(name)
            case ("polled", name) if self.polled is not None:
                return _output_of("polled", self.polled, name)
            case (("params" | "steps" | "run") as head, *_):
                return Missing("RB301", f"'{'.'.join(path)}' is not a name", _SHAPES[head])
        return self._unknown(path)

    def ran(self, step_id: str) -> Missing | None:
        missing = self._unreached(step_id)
        return missing if missing and missing.code != "RB305" else None

    def order(self, reference: OrderReference) -> Missing | None:
        """Why the step's order cannot be used here; None when it can."""
        missing = self._unreached(reference.step_id, order=True)
        if missing:
            return missing
        _, written = self.names.steps[reference.step_id]
        if written.step is None:
            return None
        action = written.step.action
        if not action.sends:
            return Missing(
                "RB306",
                f"'{reference.step_id}' is a step of {action.name}, which sends no order",
                self._senders(reference.step_id),
            )
        orders = order_outputs(action)
        if not orders:
            words = f"'{reference.step_id}' is a step of {action.name}, whose orders have no names"
            return Missing("RB306", words, "It awaits them itself.")
        if reference.output not in orders:
            return Missing(
                "RB306",
                f"{action.name} has no order '{reference.output}'",
                did_you_mean(reference.output, orders),
            )
        argument = action.outputs[reference.output].given
        if argument and argument not in written.keys:
            return Missing(
                "RB306",
                f"the order of '{reference.step_id}' has no {reference.output}",
                f"Give that step `{argument}`, or name the step alone: {reference.step_id}.",
            )
        doubt = self._doubt(reference.step_id)
        if doubt and self.at[0] == _MAIN:
            return Missing(
                "RB303",
                f"'{reference.step_id}' may have sent no order: {doubt}",
                f"Give this step `when: ran({reference.step_id})`.",
            )
        return None

    # ---- the kinds of name

    def _param(self, name: str) -> Known | Missing:
        if name in self.names.params:
            return Known(self.names.params[name])
        return Missing(
            "RB301",
            f"there is no parameter '{name}'",
            did_you_mean(name, list(self.names.params)) or "Declare it under `params`.",
        )

    def _output(self, step_id: str, output: str) -> Known | Missing:
        missing = self._unreached(step_id)
        if missing:
            return missing
        place, written = self.names.steps[step_id]
        outputs = written.step.action.outputs if written.step else {}
        found = _output_of(f"steps.{step_id}", outputs, output)
        if isinstance(found, Missing):
            return found
        there = (
            outputs[output].given in written.keys
            or ("steps", step_id, output) in self._facts()
            or not may_lack(outputs[output], written, self.names.written, main=place[0] == _MAIN)
        )
        nullable = "" if there else found.nullable
        return Known(found.kind, self._doubt(step_id), nullable)

    def _whole_step(self, step_id: str) -> Missing:
        missing = self._unreached(step_id)
        if missing:
            return missing
        _, written = self.names.steps[step_id]
        outputs = list(written.step.action.outputs) if written.step else []
        example = f"Write for example steps.{step_id}.{outputs[0]}." if outputs else ""
        return Missing("RB305", f"steps.{step_id} is a step, not a value", example)

    def _run(self, name: str) -> Known | Missing:
        if name == "cause":
            if self.at[0] == _RESCUE:
                return Known(TEXT)
            if self.at[0] == _ALWAYS:
                return Known(TEXT, nullable="nothing may have failed")
            help_ = "Read it in on_failure or finally."
            return Missing("RB301", "run.cause is known only after a failure", help_)
        if name in _RUN:
            return Known(_RUN[name])
        return Missing("RB301", f"there is no run.{name}", did_you_mean(name, [*_RUN, "cause"]))

    def _unknown(self, path: tuple[str, ...]) -> Missing:
        word, name = path[0], ".".join(path)
        if word == "polled":
            return Missing("RB301", "polled is read only in the `until` beside a `poll`")
        if word in self.names.params:
            return Missing("RB301", f"'{name}' is not a name", f"Write params.{name}.")
        if word in self.names.steps:
            return Missing("RB301", f"'{name}' is not a name", f"Write steps.{name}.")
        roots = ["params", "steps", "run"]
        return Missing("RB301", f"'{name}' is not a name", did_you_mean(word, roots))

    # ---- when steps run

    def _unreached(self, step_id: str, order: bool = False) -> Missing | None:
        """Why the step has not been reached yet, or is none."""
        found = self.names.steps.get(step_id)
        if found is None:
            code = "RB306" if order else "RB301"
            near = self._by_action(step_id) or (
                self._senders(step_id) if order else did_you_mean(step_id, self._earlier())
            )
            return Missing(code, f"no step has the id '{step_id}'", near)
        place, written = found
        if place < self.at:
            return None
        if place == self.at:
            return Missing("RB302", f"'{step_id}' is this step itself, which has not run yet")
        return Missing(
            "RB302",
            f"'{step_id}' runs later: it is {written.place}",
            "Use it after that step." if self.at != BEFORE else "No step has run yet here.",
        )

    def _by_action(self, name: str) -> str:
        """What to write where a step was named by its action."""
        place, written = self.names.by_action.get(name, (self.at, None))
        if written is None or place >= self.at:
            return ""
        if written.id:
            return f"The step of {name} has the id '{written.id}': write that."
        return f"Give the step of {name} ({written.place}) an id, and name it by that."

    def _doubt(self, step_id: str) -> str:
        """Why a step that was reached may still not have run."""
        place, written = self.names.steps[step_id]
        step = written.step
        if ("steps", step_id) in self._facts() or step is None:
            return ""
        if place[0] < self.at[0]:
            return f"a failure before '{step_id}' skips it"
        if step.on_error == "continue":
            return f"'{step_id}' has `on_error: continue`"
        if self.at[0] == _ALWAYS:
            return f"'{step_id}' may have failed, and `finally` goes on"
        if step.when is not None and not self._same_condition(step.when):
            return f"'{step_id}' has a `when`"
        return ""

    def _same_condition(self, other: Expression) -> bool:
        return self.when is not None and self.when.text.split() == other.text.split()

    def _facts(self) -> frozenset[tuple[str, ...]]:
        return learned(self.when.root, True) if self.when is not None else NOTHING_KNOWN

    def _earlier(self) -> list[str]:
        return [name for name, (place, _) in self.names.steps.items() if place < self.at]

    def _senders(self, step_id: str) -> str:
        """The steps that could have been meant where an order is wanted."""
        senders = [
            name
            for name in self._earlier()
            if (step := self.names.steps[name][1].step) and step.action.sends
        ]
        return did_you_mean(step_id, senders) or "No step before this one sends an order."


def order_outputs(action: Action) -> list[str]:
    """The outputs of an action that can stand where an order is wanted."""
    return [
        name
        for name, output in action.outputs.items()
        if name == "order_id" or output.kind.name == "order"
    ]


def _output_of(owner: str, outputs: Mapping[str, Output], name: str) -> Known | Missing:
    if name in outputs:
        return Known(outputs[name].kind, nullable=outputs[name].optional)
    return Missing("RB305", f"{owner} has no output '{name}'", did_you_mean(name, _sorted(outputs)))


def _sorted(names: Iterable[str]) -> list[str]:
    return sorted(names)


_RUN = {"id": TEXT, "name": TEXT, "started_at": MOMENT}
_SHAPES = {
    "params": "Write params.<name>.",
    "steps": "Write steps.<id>.<output>.",
    "run": "Write run.id, run.name, run.started_at or run.cause.",
}
