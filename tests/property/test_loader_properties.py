"""Whatever is in a file, reading it gives a tree or findings, and every place is in the text."""

from __future__ import annotations

from collections.abc import Iterator

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.language.diagnostics import Report
from runner.language.loader import load
from runner.language.source import Source, Span
from runner.language.tree import Mapping, Node, Scalar

SIGNS = [
    "\n", "\n  ", "\n    ", "\n- ", "\n  - ", ": ", ":", ", ", ",", "{", "}", "[", "]", "(", ")",
    " ", "\t", "'", '"', "''", "\\", "\\e", "\\x41", "#", " #", " #1", "&x ", "*x", "&y ", "*y",
    "!", "!!str ", "<<", "|", ">", "|-\n", "? ", "- ", "---", "...", "%YAML 1.1\n", "@", "`", "=",
    "=min(a", "${", "}}", "5,000", "a", "qty", "steps", "1", "é", "日", "🚀",
]  # fmt: skip
LINES = ["a: 1\n", "b: {c: d}\n", "e: [f, g]\n", "h:\n  - i: j\n", "k: &x l\n", "m: *x\n", "n: {"]
ODD = ["\u00a0", "\u2028", "\x85", "\r\n", "\r", "\ufeff", "\x1b", "\x00", "\u200b", "\ud800"]
YAMLISH = st.lists(st.sampled_from(LINES + SIGNS), max_size=12).map("".join)
ODDISH = st.lists(st.sampled_from(LINES + SIGNS + ODD), max_size=40).map("".join)
ANY_TEXT = st.text(max_size=200) | st.text(st.characters(codec=None, categories=None), max_size=60)

ORACLE = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # the two differ in where tabs may stand
WORD = st.text(st.sampled_from("abcé日🚀=.%*()$"), min_size=1, max_size=8)
PLAIN = WORD.map(lambda word: "v" + word)
QUOTED = WORD.map(lambda word: f"'{word}'") | WORD.map(lambda word: f'"{word}"')


def nodes(node: Node) -> Iterator[Node]:
    yield node
    if isinstance(node, Mapping):
        for entry in node.entries:
            yield entry.key
            yield from nodes(entry.value)
    elif not isinstance(node, Scalar):
        for item in node.items:
            yield from nodes(item)


def sliced(source: Source, span: Span) -> str:
    assert span.line == span.end_line
    return source.line(span.line)[span.column - 1 : span.end_column - 1]


def assert_inside(source: Source, span: Span) -> None:
    lines = source.text.split("\n")
    assert (1, 1) <= (span.line, span.column) <= (span.end_line, span.end_column)
    assert span.end_line <= len(lines)
    assert span.column <= len(lines[span.line - 1]) + 2
    assert span.end_column <= len(lines[span.end_line - 1]) + 2


def check(text: str) -> None:
    source = Source("plan.yaml", text)
    report = Report(source)
    tree = load(source, report)
    assert tree is not None or report.failed
    for found in report.found:
        assert_inside(source, found.span)
        assert found.message
        for note in found.notes:
            assert_inside(source, note.span)
    for node in nodes(tree) if tree else ():
        assert_inside(source, node.span)
        if isinstance(node, Scalar) and node.columns_exact:
            content = node.text.rstrip("\n")
            assert sliced(source, node.part(0, len(content))) == content
        if isinstance(node, Scalar) and node.plain and node.columns_exact:
            assert sliced(source, node.span) == node.text


@given(ANY_TEXT)
def test_no_text_gives_a_traceback(text: str) -> None:
    check(text)


@settings(max_examples=500)
@given(YAMLISH | ODDISH)
def test_no_broken_yaml_gives_a_traceback(text: str) -> None:
    check(text)


@given(st.lists(st.tuples(PLAIN, PLAIN | QUOTED), min_size=1, max_size=8), st.booleans())
def test_scalars_of_a_sound_file_stand_where_they_say(
    pairs: list[tuple[str, str]], windows: bool
) -> None:
    end = "\r\n" if windows else "\n"
    text = "steps:" + end + "".join(f"  - a: {key}{end}    b: {value}{end}" for key, value in pairs)
    source = Source("plan.yaml", text)
    report = Report(source)
    tree = load(source, report)
    assert tree is not None
    assert report.found == []
    seen = [node for node in nodes(tree) if isinstance(node, Scalar)][1:]
    values = [node for number, node in enumerate(seen) if number % 2]
    for node, written in zip(values, [word for pair in pairs for word in pair], strict=True):
        assert sliced(source, node.span) == written
        assert node.text == written.strip("'\"")
        assert sliced(source, node.part(0, len(node.text))) == node.text


@given(YAMLISH)
def test_what_is_read_without_findings_is_what_yaml_means(text: str) -> None:
    """The oracle is PyYAML's own reading with every scalar left as text."""
    source = Source("plan.yaml", text)
    report = Report(source)
    tree = load(source, report)
    if tree is not None and not report.found:
        assert contents(tree) == yaml.load(text, Loader=ORACLE)


TREES = st.recursive(
    st.text("ab é日🚀#:,=(){}[]'\"*&!|>%@-", max_size=8),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(WORD, inner, min_size=1, max_size=3)
    ),
    max_leaves=12,
)


def written(node: object) -> str:
    """The value in flow style with every text quoted."""
    if isinstance(node, str):
        return "'" + node.replace("'", "''") + "'"
    if isinstance(node, list):
        return "[" + ", ".join(map(written, node)) + "]"
    assert isinstance(node, dict)
    return "{" + ", ".join(f"{written(key)}: {written(one)}" for key, one in node.items()) + "}"


@given(st.dictionaries(WORD, TREES, min_size=1, max_size=4))
def test_what_was_written_is_what_is_read(values: dict[str, object]) -> None:
    text = "".join(f"{written(key)}: {written(value)}\n" for key, value in values.items())
    source = Source("plan.yaml", text)
    report = Report(source)
    tree = load(source, report)
    assert tree is not None
    assert report.found == []
    assert contents(tree) == values


def contents(node: Node) -> object:
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Mapping):
        return {entry.key.text: contents(entry.value) for entry in node.entries}
    return [contents(item) for item in node.items]
