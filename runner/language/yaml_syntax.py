"""A YAML syntax error as one finding that says what is there and what to write."""

from __future__ import annotations

import re
from typing import Any

import yaml

from runner.language.diagnostics import Note, Report
from runner.language.source import Span
from runner.language.yaml_flow import CUT, CUT_LABEL, balance, cut_help
from runner.language.yaml_layout import Finding, Place, layout, no_key, second_colon, until_flow_end
from runner.language.yaml_text import Text, quoted

_LONGEST_CUT = 1000
"""Characters in which the end of a cut value is looked for; no expression is longer."""


def explain(error: yaml.MarkedYAMLError, text: Text, last: Any, report: Report) -> None:
    """One finding for a syntax error: what is there, and what to write."""
    mark, opened = error.problem_mark, error.context_mark
    index = mark.index if mark else 0
    place = Place(
        text,
        error.problem or "",
        error.context or "",
        index,
        opened.index if opened else index,
        last,
    )
    for explain in (_tab, _directive, _characters, _quotes, _value_goes_on, _flow, layout):
        if found := explain(place):
            break
    else:
        found = Finding(f"YAML cannot be read here: {place.problem}", text.span(index), "")
    report.error(
        found.code, found.message, found.span,
        label=found.label, help=found.help, notes=found.notes,
    )  # fmt: skip


def _tab(at: Place) -> Finding | None:
    if "\t" not in at.indent or ("tab" not in at.problem and "any token" not in at.problem):
        return None
    number = at.text.place(at.index)[0]
    column = at.indent.index("\t") + 1
    span = Span(number, column, number, len(at.indent) + 1)
    return Finding("the indentation holds a tab", span, "indent with spaces", label="a tab")


def _directive(at: Place) -> Finding | None:
    if "directive" in at.problem or "incompatible" in at.problem:
        index = at.opened
    elif "<document start>" in at.problem:
        match = re.search(r"^%", at.text.text, re.MULTILINE)
        if match is None:
            return _after_the_end(at)
        index = match.start()
    else:
        return None
    line = at.text.whole_line(index)
    return Finding(
        "YAML directives are not part of the language", line, "remove this line", "RB106"
    )


def _after_the_end(at: Place) -> Finding:
    first = next((line for line in at.text.lines if line.strip() and line[0] != "#"), "")
    outer = len(first) - len(first.lstrip())
    if outer > len(at.indent):
        return Finding(
            "this line is indented less than the first line",
            at.text.span(at.index),
            "begin all top-level keys at the same column",
        )
    return Finding("the runbook ended before this line", at.text.span(at.index), "remove the rest")


_INDICATORS = {
    "*": "an alias",
    "&": "an anchor",
    "!": "a tag",
    ">": "a text block",
    "|": "a text block",
    "@": "a reserved sign",
    "`": "a reserved sign",
    "%": "a directive",
}


def _characters(at: Place) -> Finding | None:
    """A value that begins with a sign that means something in YAML."""
    problem, context = at.problem, at.context
    if "any token" in problem or problem.startswith(("mapping keys", "block sequence", "sequence")):
        index = at.index
    elif any(word in context for word in ("an alias", "an anchor", "a tag", "block scalar")):
        index = at.opened
    elif "undefined tag" in problem:
        index = at.index
    else:
        return None
    char = at.text.text[index : index + 1]
    line, column = at.text.place(index)
    rest = at.text.lines[line - 1][column - 1 :]
    span = Span(line, column, line, column + 1)
    if char in "-?":
        return _list_in_a_value(rest, span)
    meaning = _INDICATORS.get(char)
    what = f"'{char}'" + (f", which is {meaning} in YAML" if meaning else "")
    code = "RB105" if char in "*&!" else "RB103"
    return Finding(
        f"a value cannot begin with {what}", span, f"quote the value: {quoted(rest)}", code
    )


def _list_in_a_value(rest: str, span: Span) -> Finding:
    if re.match(r"-\s+[\d.]", rest):
        number = re.sub(r"-\s+", "-", rest)
        help_ = f"a negative number has no space after the minus: {number}"
    elif rest.startswith("-"):
        help_ = "begin the list on the next line, or write it as [a, b]; quote a text"
    else:
        help_ = f"quote the value: {quoted(rest)}"
    return Finding(f"a value cannot begin with '{rest[:1]} '", span, help_)


def _quotes(at: Place) -> Finding | None:
    if "quoted scalar" not in at.context and "double-quoted" not in at.context:
        return None
    quote = at.text.text[at.opened : at.opened + 1]
    if "end of stream" in at.problem or "document" in at.problem:
        return Finding(
            "this quote is never closed", at.text.span(at.opened),
            f"end the text with {quote}; inside '...' write '' for one '",
        )  # fmt: skip
    line, column = at.text.place(at.index)
    backslash = at.text.lines[line - 1].rfind("\\", 0, column) + 1 or column
    return Finding(
        'this backslash begins no known escape inside "..."',
        Span(line, backslash, line, backslash + 1),
        "use '...' for the text as it stands, or write \\\\ for a backslash",
    )


def _value_goes_on(at: Place) -> Finding | None:
    """`"Buy" now`, `[AAPL] now`: the closing sign ended the value."""
    if not at.problem.startswith(("did not find expected", "expected")) or at.char in ",]}:":
        return None
    ends = (yaml.ScalarEvent, yaml.SequenceEndEvent, yaml.MappingEndEvent)
    if not at.char.strip() or not at.follows(*ends) or at.last_end <= at.last_start:
        return None
    closing = at.text.text[at.last_end - 1]
    line, column = at.text.place(at.index)
    rest = at.text.lines[line - 1][column - 1 :].rstrip()
    span = Span(line, column, line, column + len(rest))
    if closing in "]}":
        return Finding(
            f"the value goes on after the closing {closing}",
            span,
            "quote the value, or end the line here",
            "RB111",
        )
    if not isinstance(at.last, yaml.ScalarEvent) or at.last.style not in ("'", '"'):
        return None
    whole = at.text.text[at.last_start : at.index] + rest
    help_ = f"quote the whole value: {quoted(until_flow_end(whole, at))}"
    if closing == "'" and at.index == at.last_end:
        help_ = "inside '...' write '' for one '"
    elif "\n" in whole:
        help_ = "end the line after the closing quote"
    return Finding("the value goes on after its closing quote", span, help_, "RB111")


def _flow(at: Place) -> Finding | None:
    """Inside `{ }` and `[ ]`."""
    if "expected node content" in at.problem or "expected the node content" in at.problem:
        return _no_value(at)
    if "flow" not in at.context:
        return None
    if found := _cut_before_a_quote(at):
        return found
    opener = at.text.text[at.opened : at.opened + 1]
    opened = Note(f"the {opener} stands here", at.text.span(at.opened))
    if at.char in "]}" and at.char:
        right = "}" if opener == "{" else "]"
        return Finding(
            f"this {at.char} closes nothing: a {opener} is still open", at.text.span(at.index),
            f"write {right}", notes=(opened,),
        )  # fmt: skip
    if at.char in "{[" and at.char and at.follows(yaml.ScalarEvent):
        value = at.text.text[at.last_start : at.index]
        return Finding(
            f"'{at.char}' cannot stand inside a value within {{ }} or [ ]",
            at.text.span(at.last_start, at.index + 1),
            f"quote the value: \"{value.lstrip()}{at.char}...\", or write one key a line", "RB111",
        )  # fmt: skip
    same_line = at.text.place(at.index)[0] == at.text.place(at.last_start)[0]
    if at.char == ":" and same_line and at.last_start > at.opened:
        return second_colon(at)
    closer = "}" if opener == "{" else "]"
    hidden = re.search(rf"[ \t](#[^\r\n]*{re.escape(closer)})", at.text.text[at.opened : at.index])
    notes: tuple[Note, ...] = ()
    if hidden:
        span = at.text.span(at.opened + hidden.start(1), at.opened + hidden.end(1))
        notes = (Note(f"this {closer} is in a comment, which begins at ' #'", span),)
    return Finding(
        f"this {opener} is never closed", at.text.span(at.opened),
        f"write {closer} at its end", notes=notes,
    )  # fmt: skip


def _cut_before_a_quote(at: Place) -> Finding | None:
    """`{price: =round_tick(a, 'down')}`: the comma ends the value, and after the quoted text that
    then is a key comes a parenthesis."""
    text = at.text.text
    starts = [
        at.opened + match.end()
        for match in re.finditer(r"(?:\A[{\[]|:\s)\s*", text[at.opened : at.index])
    ]
    for start in reversed(starts):
        end = _end_of_cut(text, start, at.index)
        if end:
            whole = text[start:end]
            return Finding(CUT, at.text.span(start, end), cut_help(whole), "RB111", CUT_LABEL)
    return None


def _end_of_cut(text: str, start: int, index: int) -> int:
    """Where a value ends of which a comma cut off what stands at the index; 0 if none did."""
    depth, quote = balance(text[start:index])
    if depth <= 0 or quote or "," not in text[start:index]:
        return 0
    for at, char in enumerate(text[index : index + _LONGEST_CUT], index):
        if depth <= 0 and not quote and char in ",{}[]\n":
            return index + len(text[index:at].rstrip())
        if char == "\n":
            break
        depth, quote = balance(char, depth, quote)
    return 0


def _no_value(at: Place) -> Finding:
    char = at.char
    if char in "]}" and char:
        opener = "[" if char == "]" else "{"
        return Finding(
            f"this {char} closes nothing",
            at.text.span(at.index),
            f"write {opener} before it, or quote it",
        )
    if char == ",":
        return Finding(
            "there is nothing before this comma", at.text.span(at.index),
            "remove it, or quote a value that begins with a comma",
        )  # fmt: skip
    if char == ":" and at.text.text[: at.index].rstrip()[-1:] in ("{", ","):
        return no_key(at)
    if char.strip() and char != ".":
        return Finding(
            f"a value cannot begin with '{char}'", at.text.span(at.index), "quote the value"
        )
    return Finding("a value is missing here", at.text.span(at.index), "write it")
