"""What reading a runbook's YAML promises: exact text, exact places, and findings that help."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from runner.language import loader
from runner.language.diagnostics import Diagnostic, Report
from runner.language.loader import UnreadableFile, load, read_source
from runner.language.source import Source, Span
from runner.language.tree import Mapping, Node, Scalar, Sequence

PARSERS = [yaml.SafeLoader, *([yaml.CSafeLoader] if yaml.__with_libyaml__ else [])]


@pytest.fixture(params=PARSERS, ids=lambda parser: parser.__name__, autouse=True)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Every promise holds with libyaml and, where it is missing, without."""
    monkeypatch.setattr(loader, "_PARSER", request.param)
    return request.param


def read(text: str) -> tuple[Mapping | None, list[Diagnostic]]:
    source = Source("plan.yaml", text)
    report = Report(source)
    tree = load(source, report)
    return tree, report.sorted()


def tree_of(text: str) -> Mapping:
    tree, found = read(text)
    assert tree is not None
    assert found == []
    return tree


def only(text: str) -> Diagnostic:
    _, found = read(text)
    assert len(found) == 1, found
    return found[0]


def at(tree: Mapping, *path: str | int) -> Node:
    node: Node = tree
    for step in path:
        if isinstance(step, int):
            assert isinstance(node, Sequence)
            node = node.items[step]
        else:
            assert isinstance(node, Mapping)
            found = node.get(step)
            assert found is not None
            node = found
    return node


def scalar(tree: Mapping, *path: str | int) -> Scalar:
    node = at(tree, *path)
    assert isinstance(node, Scalar)
    return node


def sliced(text: str, span: Span) -> str:
    """The text that a span covers."""
    lines = text.split("\n")[span.line - 1 : span.end_line]
    lines[-1] = lines[-1][: span.end_column - 1]
    lines[0] = lines[0][span.column - 1 :]
    return "\n".join(lines)


# -- scalars ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written", ["ON", "NO", "TRUE", "null", "~", "9:30", "010", "100.10", "3%", "1e3", "0x10", "=a"]
)
def test_a_plain_value_is_the_text_that_was_written(written: str) -> None:
    value = scalar(tree_of(f"symbol: {written}\n"), "symbol")
    assert (value.text, value.plain, value.empty) == (written, True, False)
    assert value.span == Span(1, 9, 1, 9 + len(written))


def test_an_absent_value_is_not_an_empty_text() -> None:
    tree = tree_of("a:\nb: ''\n")
    absent, empty = scalar(tree, "a"), scalar(tree, "b")
    assert (absent.empty, absent.span) == (True, Span(1, 3, 1, 3))
    assert (empty.empty, empty.text, empty.plain) == (False, "", False)


@pytest.mark.parametrize("quote", ["'", '"'])
def test_columns_inside_simple_quotes_are_exact(quote: str) -> None:
    text = f"when: {quote}a == b{quote}\n"
    value = scalar(tree_of(text), "when")
    assert value.columns_exact
    assert value.offset == 1
    assert sliced(text, value.part(2, 4)) == "=="


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("'it''s'", "it's"),
        ('"a\\tb"', "a\tb"),
        ('"a\n  b"', "a b"),
        ("a\n  b", "a b"),
        ("|\n  a\n  b\n", "a\nb\n"),
        (">-\n  a\n  b\n", "a b"),
    ],
)
def test_where_columns_are_not_exact_the_whole_value_is_pointed_at(
    written: str, value: str
) -> None:
    text = f"a: {written}\nb: 1\n"
    node = scalar(tree_of(text), "a")
    assert node.text == value
    assert not node.columns_exact
    assert sliced(text, node.part(0, 1)) == written.rstrip()


@pytest.mark.parametrize("header", ["|", ">", "|-", ">-", "| # why"])
def test_a_block_of_one_line_is_pointed_at_inside_the_block(header: str) -> None:
    text = f"assert: {header}\n    a == b\n\n# later\nc: 1\n"
    value = scalar(tree_of(text), "assert")
    assert value.columns_exact
    assert sliced(text, value.span) == "a == b"
    assert sliced(text, value.part(2, 4)) == "=="


def test_astral_characters_count_as_one_column() -> None:
    text = "a: {b: 🚀🚀, c: x}\n"
    assert sliced(text, scalar(tree_of(text), "a", "c").span) == "x"


def test_windows_line_ends_change_nothing() -> None:
    text = "a: 1\r\nb:\r\n  - 'x'\r\n  - y\r\n"
    tree = tree_of(text)
    assert scalar(tree, "b", 1).text == "y"
    assert scalar(tree, "b", 1).span == Span(4, 5, 4, 6)


def test_mappings_and_lists_span_what_was_written() -> None:
    text = "a:\n  - {x: 1}\n  - b: [1, 2]\n\n# end\nc: 1\n"
    tree = tree_of(text)
    assert sliced(text, at(tree, "a").span) == "- {x: 1}\n  - b: [1, 2]"
    assert sliced(text, at(tree, "a", 0).span) == "{x: 1}"
    assert sliced(text, at(tree, "a", 1, "b").span) == "[1, 2]"


def test_places_at_the_very_end_of_a_file_are_in_the_file() -> None:
    assert scalar(tree_of("a: ''"), "a").span == Span(1, 4, 1, 6)
    assert scalar(tree_of("a: |"), "a").span == Span(1, 4, 1, 5)
    assert scalar(tree_of("a:"), "a").span == Span(1, 3, 1, 3)
    assert scalar(tree_of("? a"), "a").span == Span(1, 4, 1, 4)


# -- anchors and aliases ------------------------------------------------------------------------


def test_an_alias_is_the_anchored_node_at_its_own_place() -> None:
    text = "a: &x # note\n  {q: 1}\nb: *x\nc: &y buy\nd: [*y]\n"
    tree = tree_of(text)
    assert at(tree, "b") == at(tree, "a")
    assert sliced(text, at(tree, "b").span) == "{q: 1}"
    assert sliced(text, scalar(tree, "d", 0).span) == "buy"


def test_an_anchored_absence_stands_after_its_anchor() -> None:
    tree = tree_of("a: &x\nb: *x\n")
    assert scalar(tree, "b").empty
    assert scalar(tree, "b").span == Span(1, 6, 1, 6)


def test_columns_of_an_anchored_value_are_exact() -> None:
    text = "a: &x =params.qty\n"
    value = scalar(tree_of(text), "a")
    assert sliced(text, value.part(1, 7)) == "params"


@pytest.mark.parametrize(
    ("text", "code", "place", "words"),
    [
        ("a: *x\n", "RB105", (1, 4), "no anchor &x"),
        ("a: &x [*x]\n", "RB105", (1, 8), "inside its own anchor"),
        ("a: &x 1\nb: &x 2\n", "RB105", (2, 4), "given twice"),
        ("&x a: 1\n", "RB105", (1, 1), "not before a key"),
        ("a: &x b\n*x : 1\n", "RB113", (2, 1), "alias cannot be a key"),
        ("a: !!str 1\n", "RB105", (1, 4), "tags"),
        ("a: &x !foo [1]\n", "RB105", (1, 7), "tags"),
        ("a: ! 1\n", "RB105", (1, 4), "tags"),
        ("a: &x {b: 1}\nc: {<<: *x}\n", "RB105", (2, 5), "merge keys"),
    ],
)
def test_misused_anchors_tags_and_merge_keys_are_refused(
    text: str, code: str, place: tuple[int, int], words: str
) -> None:
    found = only(text)
    assert (found.code, (found.span.line, found.span.column)) == (code, place)
    assert words in found.message


def test_aliases_that_multiply_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    tree, found = read("\n".join(lines))
    assert tree is None
    assert [one.code for one in found] == ["RB109"]


def test_aliases_within_the_bound_are_fine() -> None:
    tree = tree_of("a: &x 1\nb: [" + ", ".join(["*x"] * 10_000) + "]\n")
    assert isinstance(at(tree, "b", 9_999), Scalar)


# -- bounds -------------------------------------------------------------------------------------


def test_nesting_is_bounded() -> None:
    assert tree_of("a: " + "[" * 63 + "]" * 63)
    found = only("a: " + "[" * 64 + "]" * 64)
    assert (found.code, found.span) == ("RB108", Span(1, 67, 1, 68))


def test_nesting_through_an_alias_is_bounded() -> None:
    text = f"a: &x {'[' * 40}{']' * 40}\nb: {'[' * 40}*x{']' * 40}\n"
    assert only(text).code == "RB108"


def test_400_kilobytes_of_brackets_are_a_finding() -> None:
    assert only("a: " + "[" * 400_000).code == "RB108"


def test_a_text_over_1_mib_is_refused_unread() -> None:
    tree, found = read("a: " + "é" * (1 << 19) + "\n")
    assert tree is None
    assert [one.code for one in found] == ["RB107"]


# -- keys and documents -------------------------------------------------------------------------


def test_a_duplicate_key_names_both_lines_and_keeps_the_first() -> None:
    tree, found = read("qty: 1\nside: buy\nqty: 100\n")
    assert tree is not None
    assert scalar(tree, "qty").text == "1"
    assert [(one.code, one.span) for one in found] == [("RB104", Span(3, 1, 3, 4))]
    assert "line 1 and on line 3" in found[0].message
    assert found[0].notes[0].span == Span(1, 1, 1, 4)


def test_a_quoted_key_duplicates_a_plain_one() -> None:
    assert only("a: {qty: 1, 'qty': 2}\n").code == "RB104"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("? [a]\n: 1\n", "list cannot be a key"),
        ("? {a: 1}\n: 1\n", "mapping cannot be a key"),
        ("a: {[x]: 1}\n", "list cannot be a key"),
        ("a: 1\n: 2\n", "no key before this colon"),
        ("a: {: 2}\n", "no key before this colon"),
        ("? \n: 2\n", "no key before this colon"),
    ],
)
def test_a_key_is_a_word(text: str, words: str) -> None:
    found = only(text)
    assert found.code == "RB113"
    assert words in found.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("\n# nothing yet\n", "empty"),
        ("---\n", "empty"),
        ("- a\n- b\n", "not a list"),
        ("buy one share\n", "not a text"),
        ("runbook:1\n", "not a text"),
    ],
)
def test_a_runbook_is_a_mapping(text: str, words: str) -> None:
    tree, found = read(text)
    assert tree is None
    assert [one.code for one in found] == ["RB112"]
    assert words in found[0].message


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("%YAML 1.1\n---\na: 1\n", 1),
        ("# x\n%TAG ! x\n---\na: 1\n", 2),
        ("%YAML 1.1\na: 1\n", 1),
        ("%YAML 3.0\n---\na: 1\n", 1),
        ("a: 1\n---\nb: 2\n", 2),
    ],
)
def test_directives_and_second_documents_are_refused(text: str, line: int) -> None:
    found = only(text)
    assert (found.code, found.span.line) == ("RB106", line)


def test_one_document_may_be_marked() -> None:
    assert scalar(tree_of("---\na: 1\n...\n"), "a").text == "1"


# -- syntax -------------------------------------------------------------------------------------

SYNTAX = [
    # text, code, line and column, words of the message, words of the help
    ("a:\n\tb: 2\n", "RB103", (2, 1), "tab", "spaces"),
    ("a: 1\n\tb: 2\n", "RB103", (2, 1), "tab", "spaces"),
    ("a:\n  b: 1\n \tc: 2\n", "RB103", (3, 2), "tab", "spaces"),
    ("a: 'x\nb: 2\n", "RB103", (1, 4), "quote is never closed", "''"),
    ('a: "x\nb: 2\n', "RB103", (1, 4), "quote is never closed", '"'),
    ('a: "C:\\Users"\n', "RB103", (1, 7), "backslash", "'...'"),
    ("a: {b: 1\nc: 2\nd: 3\n", "RB103", (1, 4), "{ is never closed", "write }"),
    ("a: [1, 2\n", "RB103", (1, 4), "[ is never closed", "write ]"),
    ("a: [1}\n", "RB103", (1, 6), "} closes nothing", "write ]"),
    ("a: 1}\nb: ]\n", "RB103", (2, 4), "] closes nothing", "write ["),
    ("a: {b: 1 c: 2}\n", "RB103", (1, 10), "no comma before 'c'", "comma"),
    ("a: {b: 1, , c: 2}\n", "RB103", (1, 11), "nothing before this comma", "remove"),
    ("a: Note: buy\n", "RB103", (1, 8), "holds a colon", '"Note: buy"'),
    ("a: {b: c: d}\n", "RB103", (1, 9), "holds a colon", '"c: d"'),
    ('a: "x": 1\n', "RB103", (1, 7), "holds a colon", "'\"x\": 1'"),
    ("steps\n  - a: 1\n", "RB103", (1, 1), "no colon after 'steps'", "steps:"),
    ("a: 1\nqty 5\nc: 2\n", "RB103", (2, 1), "no colon after 'qty'", "qty: 5"),
    ("a: 1\nqty:5\nc: 2\n", "RB103", (2, 1), "no space after the colon", "qty: 5"),
    ("a: 1\n  b: 2\n", "RB103", (2, 1), "deeper", "do not indent"),
    (
        "a:\n    b: 1\n  c: 2\n",
        "RB103",
        (3, 1),
        "fits no block",
        "by 4 spaces to go on with line 2",
    ),
    ("a:\n  b: 1\n c: 2\n", "RB103", (3, 1), "fits no block", "by 2 spaces"),
    ("  a: 1\nb: 2\n", "RB103", (2, 1), "less than the first", "same column"),
    ("a:\n  - b: 1\n   c: 2\n", "RB103", (3, 4), "no list item", "'- ' at column 3"),
    ("a:\n- b: 2\n  - c: 3\n", "RB103", (3, 1), "list item's indentation", "line 2"),
    ("a: x\n# why\n  y\n", "RB103", (3, 3), "comment above", "comment"),
    ("a: 1\n...\nb: 2\n", "RB103", (3, 1), "ended before", "remove"),
    ("a: - b\n", "RB103", (1, 4), "'- '", "next line"),
    ("a: - 5\n", "RB103", (1, 4), "'- '", ": -5"),
    ("a: @x\n", "RB103", (1, 4), "'@'", '"@x"'),
    ("a: %x\n", "RB103", (1, 4), "'%'", '"%x"'),
    ("a: >= 3\n", "RB103", (1, 4), "'>'", '">= 3"'),
    ("a: | 3\n", "RB103", (1, 4), "'|'", '"| 3"'),
    ("a: *1.02\n", "RB105", (1, 4), "'*'", '"*1.02"'),
    ("a: & b\n", "RB105", (1, 4), "'&'", '"& b"'),
    ("a: !e!x 1\n", "RB105", (1, 4), "'!'", '"!e!x 1"'),
    ("a: &x *x\n", "RB103", (1, 7), "nothing can follow", "quote"),
    ("a: |\n  x\n y\n", "RB103", (3, 1), "fits no block", "by 2 spaces"),
    ('a: "Buy" now\n', "RB111", (1, 10), "after its closing quote", "'\"Buy\" now'"),
    ("a: 'it's'\n", "RB111", (1, 8), "after its closing quote", "write ''"),
    ('a: {b: "x" y, c: 1}\n', "RB111", (1, 12), "after its closing quote", "'\"x\" y'"),
    ("a: [x] y\n", "RB111", (1, 8), "after the closing ]", "quote"),
    ("a: {b: x ${c} y}\n", "RB111", (1, 8), "'{' cannot stand inside", "quote"),
    ("a: {b: =x[0]}\n", "RB111", (1, 8), "'[' cannot stand inside", "quote"),
]


@pytest.mark.parametrize(("text", "code", "place", "message", "help_"), SYNTAX)
def test_a_syntax_error_is_one_finding_that_says_what_to_write(
    text: str, code: str, place: tuple[int, int], message: str, help_: str
) -> None:
    tree, found = read(text)
    assert tree is None
    assert [(one.code, one.span.line, one.span.column) for one in found] == [(code, *place)]
    assert message in found[0].message
    assert help_ in found[0].help


def test_findings_before_a_syntax_error_are_kept() -> None:
    _, found = read("a: {b: 1, b: 2}\nc: ]\n")
    assert [one.code for one in found] == ["RB104", "RB103"]


def test_a_brace_hidden_by_a_comment_is_pointed_out() -> None:
    _, found = read("a: {b: 1 # one}\nc: 2\nd: 3\n")
    assert [one.code for one in found] == ["RB103"]
    assert found[0].notes[0].span == Span(1, 10, 1, 16)


def test_an_escape_that_the_pure_parser_cannot_read_is_a_finding() -> None:
    assert only('a: "\\U00110000"\n').code == "RB103"


# -- comments that cut --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("name: Buy #1 pick\n", '"Buy #1 pick"'),
        ("name: #1 pick\n", '"#1 pick"'),
        ("a: {name: Buy #1\n  }\n", '"Buy #1"'),
        ("a:\n  - cost #$5\n", '"cost #$5"'),
    ],
)
def test_a_hash_that_cuts_a_value_is_a_warning(text: str, quoted: str) -> None:
    tree, found = read(text)
    assert tree is not None
    assert [(one.code, one.severity) for one in found] == [("RB110", "warning")]
    assert quoted in found[0].help
    assert sliced(text, found[0].span).startswith("#")


@pytest.mark.parametrize(
    "text",
    [
        "qty: 1 # one share\n",
        "qty: 1  # one share\n",
        "qty: 1 #\n",
        "qty: 1 #---- exits ----\n",
        "name: 'Buy' #1\n",
        "name: 'Buy #1 pick'\n",
        "name: C#major\n",
        "#1\nqty: 1\n",
        "steps: # first\n  - a\n",
        "qty: 1\n #note\n",
    ],
)
def test_an_ordinary_comment_is_not_a_finding(text: str) -> None:
    assert tree_of(text)


# -- flow style ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("a: {q: =min(a, 5), side: buy}\n", "=min(a, 5)"),
        ("a: {q: =max(min(a, 5), b, c), side: buy}\n", "=max(min(a, 5), b, c)"),
        ('a: {q: =f("x, y", 2), side: buy}\n', '=f("x, y", 2)'),
        ('a: {q: =f("x, )", 2), side: buy}\n', '=f("x, )", 2)'),
        ("a: {q: buy (now, later), side: buy}\n", "buy (now, later)"),
    ],
)
def test_a_comma_inside_parentheses_is_one_finding_and_the_value_is_kept_whole(
    text: str, whole: str
) -> None:
    tree, found = read(text)
    assert tree is not None
    assert [(one.code, sliced(text, one.span)) for one in found] == [("RB111", whole)]
    assert "quote it, or use a block" in found[0].label
    value = scalar(tree, "a", "q")
    assert (value.text, sliced(text, value.span)) == (whole, whole)
    assert [entry.key.text for entry in at(tree, "a").entries] == ["q", "side"]  # type: ignore[union-attr]


def test_a_comma_inside_parentheses_in_a_list() -> None:
    text = "a: [=min(a, 5), b]\n"
    tree, found = read(text)
    assert tree is not None
    assert [one.code for one in found] == ["RB111"]
    assert [scalar(tree, "a", n).text for n in range(2)] == ["=min(a, 5)", "b"]


@pytest.mark.parametrize(
    ("text", "covered", "help_"),
    [
        ("a: {q: =min(a, b: 5}\n", "=min(a", "quote"),
        ("a: {q: 5,000, side: buy}\n", "5,000", "5000"),
        ("a: {q: 1,000,000}\n", "1,000,000", "1000000"),
        ("a: {q:5, side: buy}\n", "q:5", "q: 5"),
        ("a: {m: Bought, then sold}\n", "Bought, then sold", '"Bought, then sold"'),
        ("a: {params.qty}\n", "params.qty", "=params.qty"),
        ("a: {params.qty * 2}\n", "params.qty * 2", "=params.qty * 2"),
        ("a: {{ params.qty }}\n", "{ params.qty }", "=params.qty"),
    ],
)
def test_what_yaml_splits_otherwise_than_meant_is_pointed_out(
    text: str, covered: str, help_: str
) -> None:
    found = only(text)
    assert (found.code, sliced(text, found.span)) == ("RB111", covered)
    assert help_ in found.help


@pytest.mark.parametrize(
    "text",
    [
        "a: {b: 1, c: , d: [x, y]}\n",
        "a: {assert_no_pdt_risk}\n",
        "a: {q: '=min(a, 5)', side: buy}\n",
        "a: {q: =floor(a), side: buy}\n",
        "a: =min(a, 5)\n",
        "a: [=f(a), =g(b)]\n",
        "a: {m: don't, n: won't}\n",
        "name: Buy ${params.qty} shares\n",
    ],
)
def test_ordinary_flow_style_is_not_a_finding(text: str) -> None:
    assert tree_of(text)


# -- characters ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "char",
    ["\x00", "\x07", "\x1b", "\x7f", "\x85", "\x9b", "\u2028", "\u2029", "\u200b", "\u202e",
     "\u2066", "\ufeff", "\ufffe", "\ud800", "\U000e0041", "\r"],
)  # fmt: skip
def test_characters_that_hide_or_break_lines_are_refused_at_their_place(char: str) -> None:
    tree, found = read(f"a: 1\nb: x{char}y\nc: 3\n")
    assert tree is None
    assert [(one.code, one.span) for one in found] == [("RB102", Span(2, 5, 2, 6))]
    assert f"U+{ord(char):04X}" in found[0].message


def test_a_flood_of_odd_characters_stays_readable() -> None:
    _, found = read("\x01" * 5000)
    assert len(found) == 20
    assert "5000" in found[0].help


@pytest.mark.parametrize("text", ["a: naïve 日本 🚀\u200d🔥\n", "a: 10\u00a0000 $\n"])
def test_other_languages_and_emoji_are_welcome(text: str) -> None:
    assert tree_of(text)


def test_a_look_alike_space_where_it_matters_is_a_warning() -> None:
    _, found = read("a:\u00a01\nb: 2\n")
    assert ("RB102", "warning", Span(1, 3, 1, 4)) in [
        (one.code, one.severity, one.span) for one in found
    ]


@pytest.mark.parametrize("escape", ["\\e[31m", "\\0", "\\u202e", "\\L"])
def test_an_escape_cannot_smuggle_such_characters_in(escape: str) -> None:
    assert only(f'a: "x{escape}"\n').code == "RB102"


def test_line_breaks_and_tabs_may_be_written_as_escapes() -> None:
    assert scalar(tree_of('a: "x\\n\\ty"\n'), "a").text == "x\n\ty"


# -- files --------------------------------------------------------------------------------------


def test_a_file_is_read_under_the_name_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\n")
    assert read_source(path) == Source(str(path), "a: 1\r\n")
    assert read_source(str(path)).name == str(path)


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (b"a: 1\nb: \xe9\n", "RB102", "byte 0xe9 on line 2"),
        ("a: 1\n".encode("utf-16"), "RB102", "UTF-16"),
        (b"a: \x00\n", "RB102", "NUL"),
        (b"a" * ((1 << 20) + 1), "RB107", "1 MiB"),
    ],
)
def test_a_file_that_is_not_a_text_is_refused(
    tmp_path: Path, data: bytes, code: str, words: str
) -> None:
    path = tmp_path / "plan.yaml"
    path.write_bytes(data)
    with pytest.raises(UnreadableFile) as caught:
        read_source(path)
    assert caught.value.diagnostic.code == code
    assert words in caught.value.message


def test_a_file_of_exactly_1_mib_is_read(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_bytes(b"#" * (1 << 20))
    assert len(read_source(path).text) == 1 << 20


def test_a_missing_file_a_directory_and_an_impossible_name_are_sentences(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("a: 1\n")
    unreadable: list[tuple[str | Path, str]] = [
        (tmp_path / "none.yaml", "no such file"),
        (tmp_path, "directory"),
        (file / "plan.yaml", "cannot be read"),
        ("a\0b", "name"),
        (tmp_path / ("x" * 5000), "cannot be read"),
    ]
    for path, words in unreadable:
        with pytest.raises(UnreadableFile, match=words) as caught:
            read_source(path)
        assert caught.value.diagnostic.code == "RB101"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_a_file_that_may_not_be_read_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text("a: 1\n")
    path.chmod(0)
    with pytest.raises(UnreadableFile, match="not allowed"):
        read_source(path)
