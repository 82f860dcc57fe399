"""The reference of actions, written from the same declarations that the interpreter uses.

`python -m runner.report.reference` prints `docs/actions.md`; a test fails when the page differs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping

from runner.language.declare import Action, Field, Form, declared_fields
from runner.language.document import expects
from runner.language.runbook import Defaults, Limits, StepKeys
from runner.steps import ACTIONS

INTRODUCTION = """\
# Actions

Written from the declarations in `runner/steps`; `python -m runner.report.reference` writes it
again. A step is a mapping with exactly one action, and optionally the keys of every step. Where a
value may be computed, write `=` and an expression (`docs/expressions.md`).
"""


def reference(actions: Mapping[str, Action]) -> str:
    """The page, as Markdown."""
    return "\n".join(_page(actions)) + "\n"


def _page(actions: Mapping[str, Action]) -> Iterator[str]:
    yield INTRODUCTION
    for action in actions.values():
        yield f"## `{action.name}`"
        yield ""
        yield action.doc
        yield ""
        if action.bare:
            yield f"A lone value fills `{action.bare}`."
            yield ""
        if action.fields:
            yield from _fields(action.fields)
        for name, field in action.fields.items():
            if field.of is not None:
                yield f"Each entry of `{name}`:"
                yield ""
                yield from _fields(declared_fields(field.of))
        if action.outputs:
            yield from _outputs(action)
    for title, keys in (
        ("Keys of every step", StepKeys),
        ("Limits", Limits),
        ("Defaults", Defaults),
    ):
        yield f"## {title}"
        yield ""
        yield from _fields(declared_fields(keys))


def _fields(fields: Mapping[str, Field]) -> Iterator[str]:
    yield "| key | takes | |"
    yield "| --- | --- | --- |"
    for field in fields.values():
        doc = field.doc
        if field.required:
            doc = f"**Required.** {doc}"
        if field.unless is not None:
            key, word = field.unless
            doc = f"**Required**, unless `{key}` is `{word}`. {doc}"
        if field.default is not None:
            doc = f"{doc} Default: `{field.default}`."
        yield f"| `{field.name}` | {_cell(_takes(field))} | {_cell(doc)} |"
    yield ""


def _takes(field: Field) -> str:
    words = {
        Form.CONDITION: "an expression that is true or false",
        Form.TEMPLATE: "text, with `${…}` for values",
        Form.POLL: "one reading action",
        Form.NESTED: "a list of mappings",
    }.get(field.form, expects(field))
    return f"{words}, or a list of them" if field.many and field.of is None else words


def _outputs(action: Action) -> Iterator[str]:
    yield "| output | is | |"
    yield "| --- | --- | --- |"
    for name, output in action.outputs.items():
        doc = f"{output.doc} Absent {output.optional}." if output.optional else output.doc
        yield f"| `{name}` | {output.kind.name} | {_cell(doc)} |"
    yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(reference(ACTIONS))
