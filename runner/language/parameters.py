"""Parameters: how they are declared in a runbook, and the values that a run is given.

A given value is read as text by its declared kind, wherever it came from; it is never an
expression. Codes: RB601 a value is missing, RB602 there is no such parameter, RB603 a value
outside `min`, `max` or `values`, RB604 a value that cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct, field

from runner.language import tree
from runner.language.diagnostics import Report, did_you_mean
from runner.language.document import ParameterKeys, fields_of, kind_named
from runner.language.fields import Path, absent, unreadable
from runner.language.kinds import ID, Family, Kind
from runner.language.loader import load
from runner.language.runbook import Parameter
from runner.language.source import Source, Span
from runner.language.values import Certainty, Plain, Value, written

_ORDERED = (Family.NUMBER, Family.DURATION, Family.TIME)


class GivenValue(Struct, frozen=True):
    """The text of one parameter's value, and where a person wrote it."""

    name: str
    source: Source
    name_span: Span
    value: tree.Scalar


class Declared(Struct):
    """The parameters of a runbook. `broken` names those whose declaration could not be read."""

    parameters: dict[str, Parameter] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)


# -- declarations -------------------------------------------------------------------------------


def read_parameters(node: tree.Mapping | None, faults: set[Path], report: Report) -> Declared:
    """The declared parameters. Missing and unknown keys are left to `structure`, which is told in
    `faults` what was found wrong here already."""
    declared = Declared()
    for entry in node.entries if node else ():
        name = entry.key.text
        try:
            ID.read(name)
        except ValueError as why:
            report.error(
                "RB307",
                f"'{name}' cannot be the name of a parameter: {why}",
                entry.key.span,
                label="not a name",
            )
            declared.broken.add(name)
            continue
        errors = len(report.found)
        parameter = _read_parameter(entry.key, entry.value, report)
        if len(report.found) > errors:
            faults.update(("params", name, key) for key in ("type", "default", "min", "max"))
        if parameter is None:
            declared.broken.add(name)
        else:
            declared.parameters[name] = parameter
    return declared


def _read_parameter(name: tree.Scalar, node: tree.Node, report: Report) -> Parameter | None:
    if not isinstance(node, tree.Mapping):
        return None
    kind = _read_kind(node, report)
    if kind is None:
        return None
    errors = len(report.found)
    bounds = {key: _read_bound(kind, key, node, report) for key in ("min", "max")}
    least, most = bounds["min"], bounds["max"]
    high = node.get("max")
    if least is not None and most is not None and least > most and high is not None:
        report.error("RB203", "'max' is below 'min'", high.span, help="Swap them, or drop one.")
        return None
    parameter = Parameter(
        name=name.text,
        kind=kind,
        span=name.span,
        least=least,
        most=most,
        description=_text(node.get("description")),
    )
    default = _read_default(parameter, node, report)
    if len(report.found) > errors:
        return None
    return Parameter(name.text, kind, name.span, default, least, most, parameter.description)


def _read_kind(node: tree.Mapping, report: Report) -> Kind | None:
    typed = node.get("type")
    if not isinstance(typed, tree.Scalar) or absent(typed):
        return None
    values = node.get("values")
    if typed.text == "choice":
        items = values.items if isinstance(values, tree.Sequence) else ()
        words = tuple(item.text for item in items if isinstance(item, tree.Scalar))
        return kind_named("choice", words) if words and len(words) == len(items) else None
    kind = kind_named(typed.text)
    if kind is None:
        known = fields_of(ParameterKeys)["type"].kind
        report.error(
            "RB203",
            f"there is no type '{typed.text}'",
            typed.span,
            label="unknown type",
            help=did_you_mean(typed.text, known.values),
        )
    elif values is not None and (key := node.key("values")):
        report.error(
            "RB203", "'values' belongs to the type choice", key.span,
            help="Write `type: choice`, or remove `values`.",
        )  # fmt: skip
    return kind


def _read_bound(kind: Kind, key: str, node: tree.Mapping, report: Report) -> Any:
    bound = node.get(key)
    if not isinstance(bound, tree.Scalar) or absent(bound):
        return None
    if kind.family not in _ORDERED:
        report.error(
            "RB203", f"a {kind.name} has no '{key}'", bound.span,
            help="Numbers, durations and times have bounds.",
        )  # fmt: skip
        return None
    return _read(kind, key, bound, "RB203", report)


def _read_default(parameter: Parameter, node: tree.Mapping, report: Report) -> Plain:
    default = node.get("default")
    if not isinstance(default, tree.Scalar) or absent(default):
        return None
    value: Plain = _read(parameter.kind, "default", default, "RB203", report)
    if value is not None and (why := _outside(parameter, value)):
        report.error("RB603", f"'default' is {default.text}, and {why}", default.span)
    return value


def _read(kind: Kind, name: str, scalar: tree.Scalar, code: str, report: Report) -> Any:
    try:
        return kind.read(scalar.text)
    except ValueError as why:
        unreadable(report, code, name, scalar, why=str(why), expected=kind.expected)
        return None


def _text(node: tree.Node | None) -> str:
    return node.text if isinstance(node, tree.Scalar) else ""


def _outside(parameter: Parameter, value: Any) -> str:
    if parameter.least is not None and value < parameter.least:
        return f"the least is {written(parameter.least)}"
    if parameter.most is not None and value > parameter.most:
        return f"the most is {written(parameter.most)}"
    return ""


# -- given values -------------------------------------------------------------------------------


def given_by_option(option: str) -> GivenValue | None:
    """The value of one `-p name=value`; None when the option is not of that form."""
    name, equals, text = option.partition("=")
    if not equals or not name.strip():
        return None
    source = Source(f"-p {option}", option)
    start = len(name) + 1
    span = Span(1, start + 1, 1, len(option) + 1)
    value = tree.Scalar(text, span, plain=False)
    return GivenValue(name.strip(), source, Span(1, 1, 1, start), value)


def given_by_file(source: Source, report: Report) -> dict[str, GivenValue]:
    """The values in a `--params` file, a YAML mapping of name to value; findings in `report`."""
    root = load(source, report)
    given = {}
    for entry in root.entries if root else ():
        if isinstance(entry.value, tree.Scalar) and not absent(entry.value):
            name = entry.key.text
            given[name] = GivenValue(name, source, entry.key.span, entry.value)
        else:
            report.error(
                "RB604", f"'{entry.key.text}' is not one value", entry.key.span,
                help="Write one value for each parameter.",
            )  # fmt: skip
    return given


def resolve_parameters(
    declared: Declared, given: Mapping[str, GivenValue] | None, report: Report
) -> tuple[dict[str, Value], tuple[Report, ...]]:
    """The values of all parameters, and the findings in what was given, by source.

    `given` None means that nobody runs the book yet: parameters without a default have no value,
    and none is missing.
    """
    reports: dict[Source, Report] = {}
    values: dict[str, Plain] = {
        name: one.default for name, one in declared.parameters.items() if one.default is not None
    }
    for name, one in (given or {}).items():
        found = reports.setdefault(one.source, Report(one.source))
        if name in declared.parameters:
            value = _given_value(declared.parameters[name], one, report.source, found)
            if value is None:
                values.pop(name, None)
            else:
                values[name] = value
        elif name not in declared.broken:
            _unknown(one, declared.parameters, found)
    if given is not None:
        _missing(
            (one for one in declared.parameters.values() if one.default is None),
            given,
            report,
        )
    known = {
        name: Value(value, declared.parameters[name].kind, Certainty.READ, f"params.{name}")
        for name, value in values.items()
    }
    return known, tuple(one for one in reports.values() if one.found)


def _given_value(parameter: Parameter, given: GivenValue, runbook: Source, report: Report) -> Plain:
    declared = f"{runbook.name}:{parameter.span.line}:{parameter.span.column}"
    described = f" {parameter.description.rstrip('.')}." if parameter.description else ""
    help_ = f"'{parameter.name}' is declared at {declared}.{described}"
    try:
        value: Plain = parameter.kind.read(given.value.text)
    except ValueError as why:
        code = "RB603" if parameter.kind.values else "RB604"
        unreadable(
            report,
            code,
            parameter.name,
            given.value,
            why=str(why),
            expected=parameter.kind.expected,
            help=help_,
        )
        return None
    if why_not := _outside(parameter, value):
        report.error(
            "RB603",
            f"'{parameter.name}' is {given.value.text}, and {why_not}",
            given.value.span,
            label=why_not,
            help=help_,
        )
        return None
    return value


def _unknown(given: GivenValue, parameters: Mapping[str, Parameter], report: Report) -> None:
    report.error(
        "RB602",
        f"this runbook has no parameter '{given.name}'",
        given.name_span,
        label="unknown parameter",
        help=did_you_mean(given.name, list(parameters)) or "It declares no parameters.",
    )


def _missing(needed: Iterable[Parameter], given: Mapping[str, GivenValue], report: Report) -> None:
    for parameter in needed:
        if parameter.name not in given:
            report.error(
                "RB601",
                f"the parameter '{parameter.name}' has no value",
                parameter.span,
                label=f"takes {parameter.kind.expected}",
                help=f"Give it with `-p {parameter.name}=…`. {parameter.description}".rstrip(),
            )
