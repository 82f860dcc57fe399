"""The interpreter: carries out a checked runbook, purely.

Order of operations of a run:

1. Bind: the account is read and locked for this run. A broker that cannot be asked, or refuses the
   credentials, ends the run here, nothing sent.
2. The steps, one after another. The first failure ends them.
3. `on_failure`, unless it was a signal, the run's timeout or an unknown outcome.
4. `finally`, always; every step of it is attempted.
5. The safe stop: this run's live orders that open risk are cancelled and confirmed; exits and
   protective orders stay. After a run that succeeded only what it awaited in vain is cancelled.
6. What is still unknown is looked for once more; if it stays unknown, the run suspends.

After a resume what was sent is settled before anything else is asked for (`settling`).

There is no clock, network, file or randomness here. Everything comes in through outcomes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from msgspec.structs import replace

from runner.effects import Bind, Json, Problem, ReadClock, Reason, Status
from runner.language.declare import Output, declared_fields
from runner.language.kinds import PRICE, QUANTITY
from runner.language.runbook import Argument, Block, Literal, Step, StepKeys
from runner.language.source import Span
from runner.language.values import Certainty, Plain, Value, recorded, written
from runner.machine.arguments import build, shown
from runner.machine.decisions import decide, holds
from runner.machine.failures import Cause, Failure, defect, refused
from runner.machine.result import Result, conclude
from runner.machine.run import Returned, Run, StepResult, Steps, read_failure
from runner.machine.safe_stop import settle_and_stop, stop_safely
from runner.machine.settling import settle
from runner.world import Account, Clock

CLEANUP_TIMEOUT = Argument(
    declared_fields(StepKeys)["timeout"], Span(1, 1, 1, 1), Literal(timedelta(seconds=60))
)
"""How long a step of `finally` may take unless it says otherwise (design section 3)."""


def carry_out(run: Run) -> Steps[Result]:
    """Carry out the runbook of a fresh `run` and return what it came to."""
    run.settle = settle
    try:
        yield from _bind(run)
        yield from run_block(run, run.runbook.body, "", absorbs=False)
    except Failure as failure:
        run.failure = run.failure or failure
    # From here on nothing interrupts: neither a signal nor a deadline may hide what is live.
    run.in_cleanup, run.path, run.step_deadline = True, "", None
    yield from run.settle_if_resumed()
    yield from stop_safely(run)
    return conclude(run)


def stop_only(run: Run) -> Steps[Result]:
    """End a run of which nothing but its orders is known: settle and stop them, run no step.

    Its `failure` says why it is stopped.
    """
    run.in_cleanup = True
    yield from settle_and_stop(run)
    return conclude(run)


def _bind(run: Run) -> Steps[None]:
    opens = any(step.action.opens for step in every_step(run.runbook.body))
    effect = Bind(run.runbook.symbols or (), opens)
    outcome = yield from run.ask(effect)
    if outcome.status is Status.OK:
        account = Account.read(outcome.data)
        yield from run.emit(
            "run.bound",
            {
                "account_id": account.id or "",
                "account_number": account.number or "",
                "status": account.status or "",
            },
        )
        yield from _check_validity(run)
        return
    problem = outcome.problem or Problem(Reason.OTHER, "the broker did not describe the account")
    if problem.reason is Reason.LOCKED:
        raise Failure(Cause.REFUSED, problem.message, problem=problem)
    if problem.reason is Reason.NOT_ADMITTED:
        raise Failure(Cause.NOT_APPROVED, problem.message, problem=problem)
    raise read_failure(effect, problem)


def _check_validity(run: Run) -> Steps[None]:
    """A plan past its `valid_until` must not start; the broker's clock decides."""
    if run.runbook.valid_until is None:
        return
    clock = Clock.read((yield from run.read(ReadClock())) or {})
    if clock.timestamp is None:
        raise refused("the broker's clock does not say whether the runbook is still valid")
    if clock.timestamp >= run.runbook.valid_until:
        raise refused(f"the runbook was valid until {written(run.runbook.valid_until)}")


def every_step(block: Block) -> Sequence[Step]:
    """All steps of a block, nested ones included, in the order they are written."""
    found: list[Step] = []
    for step in (*block.steps, *block.rescue, *block.always):
        found.append(step)
        if step.body is not None:
            found.extend(every_step(step.body))
    return found


# ------------------------------------------------------------------------------ blocks


def run_block(run: Run, block: Block, prefix: str, *, absorbs: bool = True) -> Steps[None]:
    """Run a block: its steps, `rescue` when one fails, `always` in any case.

    A rescue that succeeds absorbs the failure, except at the top level. Written without a Python
    `finally`: a generator that is closed must not yield again.
    """
    failure = yield from _run_steps(run, block.steps, prefix)
    if failure is not None:
        run.failure = failure
        if block.rescue and not failure.stops_the_run:
            again = yield from _run_steps(run, block.rescue, prefix)
            if again is not None and again.stops_the_run:
                failure = run.failure = again
            elif again is None and absorbs:
                failure = run.failure = None
    if block.always:
        late = yield from _run_always(run, block.always, prefix)
        failure = failure or late
    if failure is not None:
        run.failure = failure
        raise failure


def _run_steps(run: Run, steps: Sequence[Step], prefix: str) -> Steps[Failure | None]:
    """Run steps until one fails; returns that failure."""
    outer = run.remaining_steps
    try:
        for index, step in enumerate(steps):
            run.remaining_steps = tuple(steps[index + 1 :])
            yield from run_step(run, step, prefix)
        # A signal that rode on the last outcome has no next effect to be raised in place of.
        run.raise_interruption()
    except Failure as failure:
        return failure
    finally:
        run.remaining_steps = outer
    return None


def _run_always(run: Run, steps: Sequence[Step], prefix: str) -> Steps[Failure | None]:
    """Attempt every step of a clean-up; returns the first failure among them."""
    first = None
    outer, run.in_cleanup = run.in_cleanup, True
    for step in steps:
        bounded = step if step.timeout is not None else replace(step, timeout=CLEANUP_TIMEOUT)
        failure = yield from _run_steps(run, (bounded,), prefix)
        if failure is not None and (first is None or failure.cause is Cause.UNKNOWN):
            first = failure
    run.in_cleanup = outer
    return first


# ------------------------------------------------------------------------------- steps


def run_step(run: Run, step: Step, prefix: str) -> Steps[None]:
    """Run one step: its condition, its arguments, the action; and put all of it on record."""
    run.path, run.step = f"{prefix}{step.place}", step
    run.step_deadline, run.certainty = None, Certainty.READ
    result = StepResult(run.path, step.id, step.name, step.action.name, "done")
    try:
        if step.when is not None and not (yield from holds(run, step.when, "when")):
            yield from _skip(run, result)
            return
        outputs = yield from _guarded(_perform(run, step))
    except Failure as failure:
        failure.step = failure.step or run.path
        yield from _finish(run, result, failure.outputs, failure)
        if step.on_error != "continue" or failure.stops_the_run or failure.guard:
            raise
        return
    yield from _finish(run, result, outputs, None)
    if step.id:
        run.ran.add(step.id)


def _guarded(steps: Steps[Returned]) -> Steps[Returned]:
    """Do the same; an error of ours in it becomes a failure, so that the clean-up still runs."""
    try:
        return (yield from steps)
    except Failure:
        raise
    except Exception as error:  # orders may be live: a defect must not leave them
        raise defect(error) from error


def _perform(run: Run, step: Step) -> Steps[Mapping[str, Plain]]:
    action = step.action
    arguments = yield from build(run, action.arguments, step.arguments)
    timeout = yield from _timeout(run, step.timeout)
    yield from run.emit(
        "step.started",
        {
            **({"id": step.id} if step.id else {}),
            **({"name": step.name} if step.name else {}),
            "action": action.name,
            "args": shown(step.arguments, arguments, action.arguments),
        },
    )
    if step.id:
        run.paths[step.id] = run.path
    run.step_deadline = run.at + timeout if timeout is not None else None
    outputs: Mapping[str, Plain] = yield from action.perform(arguments, run)
    return outputs


def _timeout(run: Run, argument: Argument | None) -> Steps[timedelta | None]:
    if argument is None:
        return run.runbook.defaults.timeout
    if isinstance(argument.content, Literal):
        value = argument.content.value
    else:
        value = (yield from decide(run, argument.content, "timeout")).value  # type: ignore[arg-type]
    return value if isinstance(value, timedelta) else None


def _skip(run: Run, result: StepResult) -> Steps[None]:
    result.status = "skipped"
    run.results.append(result)
    yield from run.emit(
        "step.skipped",
        {"action": result.action, "reason": "its condition is false", **_named(result)},
    )


def _finish(
    run: Run, result: StepResult, outputs: Mapping[str, Plain], failure: Failure | None
) -> Steps[None]:
    result.outputs = {name: recorded(value) for name, value in outputs.items() if value is not None}
    if failure is not None:
        result.status = _STATUS.get(failure.cause, "failed")
        result.error = failure.to_data()
    if result.id and run.step is not None:
        kinds = run.step.action.outputs
        run.outputs[result.id] = {
            name: Value(
                value, kinds[name].kind, certainty_of(run, kinds[name]), f"steps.{result.id}.{name}"
            )
            for name, value in outputs.items()
            if value is not None
        }
    run.results.append(result)
    yield from run.emit(
        "step.finished",
        {
            "status": result.status,
            "action": result.action,
            **_named(result),
            "outputs": dict(result.outputs),
            **({"error": dict(result.error)} if result.error else {}),
        },
    )


def certainty_of(run: Run, output: Output) -> Certainty:
    """How sure an output of the running step is: only what depends on the market is an estimate.

    Quantities depend on it too once the run has bought for dollars, or crypto, of which fees are
    taken. Prices are what the step itself was told; the rest may have been known from steps before.
    """
    loose = any(own.body.get("notional") or "/" in own.symbol for own in run.orders.sent)
    if output.market or (loose and output.kind is QUANTITY):
        return run.certainty if output.kind is PRICE else max(run.certainty, run.loosest)
    return min(run.certainty, Certainty.COMPUTED)


def _named(result: StepResult) -> dict[str, Json]:
    return {key: value for key, value in (("id", result.id), ("name", result.name)) if value}


_STATUS = {
    Cause.REFUSED: "refused",
    Cause.NOT_APPROVED: "refused",
    Cause.UNKNOWN: "unknown",
}
