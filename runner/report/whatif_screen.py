"""A what-if comparison for people, and its `--json` object.

Every number that the projection has come to is marked with `≈`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from runner.audit.story import visible
from runner.audit.visits import Asked, Data, Visit
from runner.drive.differences import DecisionPair, OrderPair, StepPair, Verdict
from runner.drive.supposing import WhatIf
from runner.report.plan_text import ABOUT
from runner.report.run_text import cut, pad, wrap

INDENT = " " * 11
FIELDS = 18
COLUMN = 20


def render(found: WhatIf, width: int) -> str:
    """The comparison in lines of at most `width` columns."""
    lines = [line for part in (_head(found), _steps(found), _foot(found)) for line in part]
    return "\n".join(one for line in lines for one in _fitted(line, width)) + "\n"


def _fitted(line: str, width: int) -> list[str]:
    """A line that is too long, broken under its own indent."""
    indent = line[: len(line) - len(line.lstrip())]
    return [line] if len(line) <= width else wrap(line.strip(), width, indent)


def _head(found: WhatIf) -> Iterator[str]:
    header = found.log.header
    yield visible(f"What if: {'; '.join(found.changes) or 'nothing were otherwise'}")
    kind = header["target"]["kind"]
    target = "simulated" if kind == "sim" else kind
    ended = found.was.replace("_", " ") or "unfinished"
    yield visible(f"Run {found.log.run} · {header['runbook']['name']} · {target} · {ended}")
    yield ""


# ------------------------------------------------------------------------------- steps


def _steps(found: WhatIf) -> Iterator[str]:
    for step in found.steps:
        if step.visit.path or step.verdict is not Verdict.SAME:
            yield from _step(step)
    if found.supposition.ends:
        yield ""
        yield visible(_sentence(found.supposition.ends))
    elif found.supposition.cut:
        yield ""
        yield "The log was cut short here, and so is the comparison."
    yield ""


def _step(step: StepPair) -> Iterator[str]:
    verdict = "ends" if step.ends and step.verdict is Verdict.SAME else step.verdict.value
    yield visible(f"  {verdict:<8} {title(step.visit)}")
    if step.verdict is Verdict.SAME:
        return
    for decision in step.decisions:
        if step.verdict is not Verdict.GONE and decision.verdict is not Verdict.SAME:
            yield from _decision(decision)
    for guard in step.guards:
        yield from _guard(guard)
    for order in step.orders:
        if order.verdict is not Verdict.SAME:
            yield from _order(order)
    yield from _ended(step)


def title(visit: Visit) -> str:
    """What a person calls a step: its path, its action, its name."""
    if not visit.path:
        return "the run's begin" if visit.number == 1 else "the run's own end"
    again = f" ({visit.number})" if visit.number > 1 else ""
    name = f": {visit.name}" if visit.name else f" {visit.id}" if visit.id else ""
    return f"{visit.path}{again} {visit.action}{name}".rstrip()


def _decision(pair: DecisionPair) -> Iterator[str]:
    shown = pair.shown
    about, expression = shown.get("about"), shown.get("expression")
    if pair.was is None or pair.would_be is None:
        yield visible(f"{INDENT}{pair.verdict.value} decision on {about}: {expression}")
    else:
        before = pair.was.get("expression")
        yield visible(f"{INDENT}decision on {about}: {expression}")
        if before != expression:
            yield visible(f"{INDENT}  the expression was {before}")
    for label, data in (("was", pair.was), ("would be", pair.would_be)):
        if data is not None:
            yield visible(f"{INDENT}  {label:<9}{_verdict(data)}")


def _verdict(data: Data) -> str:
    """A decision's verdict and the values that it was made from."""
    values = ", ".join(
        f"{one.get('name')} {_marked(one)}" for one in data.get("values") or () if one
    )
    mark = f"{ABOUT} " if data.get("certainty") == "estimated" else ""
    return f"{mark}{data.get('verdict')}" + (f" ({values})" if values else "")


def _marked(value: Mapping[str, Any]) -> str:
    return f"{ABOUT if value.get('certainty') == 'estimated' else ''}{value.get('value')}"


def _guard(pair: DecisionPair) -> Iterator[str]:
    was = "not asked" if pair.was is None else pair.was.get("verdict")
    now = "not asked" if pair.would_be is None else pair.would_be.get("verdict")
    yield visible(f"{INDENT}guard {pair.shown.get('guard')}: was {was}, would be {now}")
    yield visible(f"{INDENT}  {pair.shown.get('message')}")


def _order(pair: OrderPair) -> Iterator[str]:
    mark = f" ({ABOUT} answered by the projection)" if pair.projected else ""
    yield f"{INDENT}{pair.effect}: {pair.verdict.value}{mark}"
    before, after = (_fields(one) for one in (pair.was, pair.would_be))
    if not before or not after:
        for name, value in (before or after).items():
            yield f"{INDENT}  {pad(name, FIELDS)}{value}"
        return
    yield f"{INDENT}  {pad('', FIELDS)}{pad('was', COLUMN)}would be"
    for name in dict.fromkeys([*before, *after]):
        one, other = before.get(name, "-"), after.get(name, "-")
        changed = "*" if one != other.removeprefix(ABOUT) else " "
        row = f"{pad(cut(one, COLUMN - 1), COLUMN)}{cut(other, COLUMN + 7)}"
        yield f"{INDENT}{changed} {pad(name, FIELDS)}{row}".rstrip()


def _fields(asked: Asked | None) -> dict[str, str]:
    """What is sent, and how it was answered."""
    if asked is None:
        return {}
    found = dict(_flat(asked.body))
    if not found:
        found["order"] = visible(asked.order_id)
    told = asked.outcome or {}
    problem = told.get("problem")
    said = "accepted" if asked.status == "ok" else asked.status.replace("_", " ") or "no answer"
    if isinstance(problem, Mapping):
        said = f"{said}: {problem.get('message')}"
    found["answer"] = visible(f"{ABOUT if asked.projected else ''}{said}")
    return found


def _flat(body: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in body.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            inner = {str(at): one for at, one in enumerate(value)}
            yield from _flat(inner, f"{prefix}{name}.")
        else:
            yield visible(f"{prefix}{name}"), visible(str(value))


def _ended(step: StepPair) -> Iterator[str]:
    if step.was is None or step.would_be is None or step.ends:
        return
    was, now = step.was, step.would_be
    if was.action != now.action:
        yield visible(f"{INDENT}was {was.action}, would be {now.action}")
    error = now.error or {}
    if (was.status, (was.error or {}).get("cause")) != (now.status, error.get("cause")):
        yield visible(f"{INDENT}ends: was {was.status or 'open'}, would be {now.status or 'open'}")
        if error.get("message"):
            yield visible(f"{INDENT}  {error['message']}")


# ------------------------------------------------------------------------------- totals


def _foot(found: WhatIf) -> Iterator[str]:
    supposed = found.supposition
    if supposed.projected_from:
        yield (
            f"From {supposed.projected_from} on the account, its positions and its orders are "
            f"projected, as plans do it; what follows from them is marked {ABOUT}."
        )
        for one in supposed.assumed:
            yield visible(f"  {one.step}: {ABOUT} {one.words}")
    for note in found.notes:
        yield visible(f"Note: {note}")
    for name, counts in found.counts.items():
        parts = ", ".join(
            f"{count} {_plural(verdict, count)}" for verdict, count in counts.items() if count
        )
        yield f"{name.capitalize() + ':':<11}{parts or 'none'}"
    if supposed.result is not None:
        mark = f"{ABOUT} " if supposed.projected_from else ""
        now = f"{mark}{supposed.result.status} (exit code {supposed.result.exit_code})"
        yield f"{'Run:':<11}was {found.was or 'unfinished'}, would be {now}"
    yield "Nothing differs." if found.exit_code == 0 else "The runs differ."


def _plural(verdict: str, count: int) -> str:
    return "differ" if verdict == Verdict.DIFFERS and count > 1 else verdict


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


# ------------------------------------------------------------------------------- JSON


def what_if_data(found: WhatIf) -> dict[str, Any]:
    """The `--json` object."""
    supposed = found.supposition
    return {
        "run_id": found.log.run,
        "audit_log": str(found.log.path),
        "supposed": list(found.changes),
        "exit_code": found.exit_code,
        "counts": {name: dict(counts) for name, counts in found.counts.items()},
        "steps": [_step_data(one) for one in found.steps],
        "ends": supposed.ends or None,
        "log_cut_short": supposed.cut,
        "projected_from": supposed.projected_from or None,
        "assumed": [{"step": one.step, "words": one.words} for one in supposed.assumed],
        "notes": list(found.notes),
        "status": {
            "was": found.was or None,
            "would_be": supposed.result.status if supposed.result is not None else None,
            "projected": bool(supposed.projected_from),
        },
    }


def _step_data(step: StepPair) -> dict[str, Any]:
    visit = step.visit
    return {
        "path": visit.path,
        "visit": visit.number,
        "id": visit.id or None,
        "action": visit.action or None,
        "verdict": step.verdict.value,
        "comparison_ends": step.ends,
        "status": {"was": _of(step.was, "status"), "would_be": _of(step.would_be, "status")},
        "error": {"was": _of(step.was, "error"), "would_be": _of(step.would_be, "error")},
        "decisions": [_pair_data(one) for one in step.decisions],
        "guards": [_pair_data(one) for one in step.guards],
        "orders": [
            {
                "effect": one.effect,
                "verdict": one.verdict.value,
                "projected": one.projected,
                "was": _sent(one.was),
                "would_be": _sent(one.would_be),
            }
            for one in step.orders
        ],
    }


def _of(visit: Visit | None, name: str) -> Any:
    value = getattr(visit, name) if visit is not None else None
    return dict(value) if isinstance(value, Mapping) else value or None


def _pair_data(pair: DecisionPair) -> dict[str, Any]:
    was, now = (None if one is None else dict(one) for one in (pair.was, pair.would_be))
    return {"verdict": pair.verdict.value, "was": was, "would_be": now}


def _sent(asked: Asked | None) -> dict[str, Any] | None:
    if asked is None:
        return None
    problem = (asked.outcome or {}).get("problem")
    return {
        "body": asked.body,
        "order_id": asked.order_id or None,
        "answer": asked.status or None,
        "problem": dict(problem) if isinstance(problem, Mapping) else None,
    }
