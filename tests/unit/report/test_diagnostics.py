"""What people and machines see of a finding: stable, aligned, safe, and greppable."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from runner.language.diagnostics import Diagnostic, Note, Report
from runner.language.loader import load
from runner.language.source import Source, Span
from runner.report.diagnostics import (
    records,
    render_github,
    render_json,
    render_sarif,
    render_text,
    visible,
)

PLAN = "runbook: 1\nsteps:\n  - submit_order: {symbol: AAPL, qty: 1}\n"
SOURCE = Source("plan.yaml", PLAN)
FINDING = Diagnostic(
    "RB202",
    "submit_order needs 'side'",
    Span(3, 5, 3, 17),
    label="add side: buy or side: sell",
    help="an order has a side",
    notes=(Note("the runbook begins here", Span(1, 1, 1, 8)),),
)


def text_of(source: Source, *findings: Diagnostic, width: int | None = None) -> str:
    return render_text(source, findings, color=False, width=width)


# -- text ---------------------------------------------------------------------------------------


def test_the_form_of_a_finding_is_stable() -> None:
    assert text_of(SOURCE, FINDING) == (
        "plan.yaml:3:5: error RB202: submit_order needs 'side'\n"
        "  |\n"
        "3 |   - submit_order: {symbol: AAPL, qty: 1}\n"
        "  |     ^^^^^^^^^^^^ add side: buy or side: sell\n"
        "  = help: an order has a side\n"
        "  = note: plan.yaml:1:1: the runbook begins here\n"
        "\n"
        "1 error in plan.yaml\n"
    )


def test_without_findings_there_is_nothing_to_say() -> None:
    assert text_of(SOURCE) == ""
    assert render_text(SOURCE, [], color=True, width=80) == ""


def test_the_count_names_errors_and_warnings() -> None:
    warning = replace(FINDING, severity="warning")
    assert text_of(SOURCE, FINDING, warning, FINDING).endswith(
        "\n\n2 errors, 1 warning in plan.yaml\n"
    )
    assert text_of(SOURCE, warning).endswith("\n\n1 warning in plan.yaml\n")


def test_the_first_line_is_never_wrapped_and_help_is() -> None:
    long = replace(FINDING, message="word " * 60, help="word " * 60, notes=())
    lines = text_of(SOURCE, long, width=60).splitlines()
    assert lines[0].startswith("plan.yaml:3:5: error RB202: word word")
    assert lines[0].count("word") == 60
    assert all(len(line) <= 60 for line in lines[1:])
    assert "= help: " + ("word " * 60).strip() in text_of(SOURCE, long).replace("  ", " ")


def test_every_finding_starts_a_line_that_grep_finds() -> None:
    shown = text_of(SOURCE, FINDING, replace(FINDING, span=Span(1, 1, 1, 8)))
    assert re.findall(r"^plan\.yaml:(\d+):(\d+): ", shown, re.MULTILINE) == [("3", "5"), ("1", "1")]


@pytest.mark.parametrize("column", [1, 5, 150, 300, 401])
@pytest.mark.parametrize("width", [40, 80, None])
def test_a_long_line_is_clipped_around_the_caret(column: int, width: int | None) -> None:
    line = "".join(chr(ord("a") + n % 26) for n in range(400))
    finding = Diagnostic("RB103", "here", Span(1, column, 1, column + 3), label="this")
    lines = text_of(Source("p.yaml", line), finding, width=width).splitlines()
    assert max(map(len, lines[1:4])) <= (width or 80)
    if column < 401:
        caret = lines[3].index("^")
        assert lines[2][caret : caret + 3] == line[column - 1 : column + 2]


def test_a_megabyte_on_one_line_is_shown_as_a_part() -> None:
    source = Source("p.yaml", "x" * (1 << 20))
    shown = text_of(source, *[replace(FINDING, span=Span(1, 9_000, 1, 9_001), notes=())] * 200)
    assert max(map(len, shown.splitlines())) <= 80
    assert "\n1 | …xxx" in shown
    assert "xxx…\n" in shown


def test_a_label_that_does_not_fit_gets_its_own_lines() -> None:
    finding = replace(FINDING, label="say what this order is for and then some more", notes=())
    lines = text_of(SOURCE, finding, width=48).splitlines()
    assert lines[3] == "  |     ^^^^^^^^^^^^"
    assert "say what this order is for" in lines[4]
    assert all(len(line) <= 48 for line in lines[1:])


def test_wide_characters_keep_the_caret_under_its_character() -> None:
    source = Source("p.yaml", "name: 日\uff21 e\u0301 🚀 BAD")
    finding = Diagnostic("RB103", "m", Span(1, 15, 1, 18))
    lines = text_of(source, finding).splitlines()
    # name: + 2 wide + space + e with its accent + space + 1 wide + space
    assert lines[3] == "  | " + " " * (6 + 4 + 1 + 1 + 1 + 2 + 1) + "^^^"


def test_a_place_of_several_lines_is_marked_to_the_end_of_its_first() -> None:
    finding = Diagnostic("RB103", "m", Span(2, 1, 3, 9), label="all this")
    assert text_of(SOURCE, finding).splitlines()[3] == "  | ^^^^^^ all this"


def test_a_place_past_the_end_of_its_line_has_one_caret_there() -> None:
    finding = Diagnostic("RB103", "m", Span(2, 7, 2, 7))
    assert text_of(SOURCE, finding).splitlines()[3] == "  |       ^"


def test_a_file_without_text_has_no_excerpt() -> None:
    finding = Diagnostic("RB101", "there is no such file", Span(1, 1, 1, 1), help="look again")
    assert text_of(Source("none.yaml", ""), finding) == (
        "none.yaml:1:1: error RB101: there is no such file\n"
        "  = help: look again\n\n1 error in none.yaml\n"
    )


def test_line_numbers_of_two_digits_keep_the_bars_aligned() -> None:
    source = Source("p.yaml", "a: 1\n" * 12)
    lines = text_of(source, Diagnostic("RB104", "m", Span(12, 1, 12, 2))).splitlines()
    assert lines[1:4] == ["   |", "12 | a: 1", "   | ^"]


EVIL = "\x1b[2J\x07\x9b31m\u202e\u2028\x00\ud800"


@pytest.mark.parametrize("color", [False, True])
def test_nothing_from_a_file_or_a_name_reaches_the_terminal_raw(color: bool) -> None:
    source = Source(f"{EVIL}.yaml", f"a: {EVIL}\nb: 1\n")
    finding = Diagnostic(
        "RB102", f"m {EVIL}", Span(1, 4, 1, 5), EVIL, EVIL, (Note(EVIL, Span(1, 1, 1, 2)),)
    )
    shown = render_text(source, [finding], color=color, width=80)
    shown += render_github([(source, [finding])]) + render_sarif([(source, [finding])])
    left = re.sub(r"\x1b\[[0-9;]*m", "", shown) if color else shown
    assert not [char for char in left if char in EVIL and not char.isprintable()]
    assert "<U+001B>[2J<U+0007><U+009B>31m<U+202E><U+2028><U+0000><U+D800>" in left
    shown.encode("utf-8")


def test_a_message_stays_on_its_line() -> None:
    finding = replace(FINDING, message="two\nlines\r\nand\x0bmore")
    assert text_of(SOURCE, finding).splitlines()[0].endswith("two lines and<U+000B>more")


def test_tabs_are_visible() -> None:
    lines = text_of(
        Source("p.yaml", "a:\n\tb: 1\n"), Diagnostic("RB103", "m", Span(2, 1, 2, 2))
    ).splitlines()
    assert lines[2:4] == ["2 | →b: 1", "  | ^"]


def test_color_changes_nothing_but_color() -> None:
    colored = render_text(SOURCE, [FINDING], color=True, width=60)
    assert "\x1b[1;31m" in colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == text_of(SOURCE, FINDING, width=60)


def test_visible_spells_out_what_cannot_be_seen() -> None:
    assert visible("a b") == "a b"
    assert visible("10\u00a0000\u200b é日") == "10<U+00A0>000<U+200B> é日"


# -- machines -----------------------------------------------------------------------------------

OTHER = Source("more plans/ü,1.yaml", "a: 1\n")
FILES = [
    (SOURCE, [FINDING, replace(FINDING, severity="warning", code="RB110", notes=())]),
    (OTHER, [Diagnostic("RB112", "100% wrong\nhere: yes", Span(1, 1, 2, 1))]),
]


def test_json_holds_every_finding_with_its_place() -> None:
    found = json.loads(render_json(FILES))
    assert found == records(FILES)
    assert found[0] == {
        "file": "plan.yaml",
        "line": 3,
        "column": 5,
        "end_line": 3,
        "end_column": 17,
        "severity": "error",
        "code": "RB202",
        "message": "submit_order needs 'side'",
        "label": "add side: buy or side: sell",
        "help": "an order has a side",
        "notes": [
            {
                "message": "the runbook begins here",
                "line": 1,
                "column": 1,
                "end_line": 1,
                "end_column": 8,
            }
        ],
    }
    assert [one["file"] for one in found] == ["plan.yaml", "plan.yaml", OTHER.name]
    assert json.loads(render_json([])) == []


def test_github_annotations_are_escaped_and_inclusive() -> None:
    assert render_github(FILES).splitlines() == [
        "::error file=plan.yaml,line=3,col=5,endLine=3,endColumn=16,title=RB202"
        "::submit_order needs 'side'%0Aan order has a side",
        "::warning file=plan.yaml,line=3,col=5,endLine=3,endColumn=16,title=RB110"
        "::submit_order needs 'side'%0Aan order has a side",
        "::error file=more plans/ü%2C1.yaml,line=1,endLine=2,title=RB112::100%25 wrong here: yes",
    ]


def test_a_file_name_cannot_end_a_github_command() -> None:
    source = Source("a::b%\n.yaml", "a: 1\n")
    assert render_github([(source, [FINDING])]).startswith("::error file=a%3A%3Ab%25 .yaml,line=3,")


def test_sarif_says_where_in_code_points_and_relative_uris() -> None:
    document = json.loads(render_sarif(FILES))
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    assert run["columnKind"] == "unicodeCodePoints"
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == ["RB110", "RB112", "RB202"]
    assert [result["level"] for result in run["results"]] == ["error", "warning", "error"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
    first, _, last = run["results"]
    assert first["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "plan.yaml"},
        "region": {"startLine": 3, "startColumn": 5, "endLine": 3, "endColumn": 17},
    }
    assert first["relatedLocations"][0]["message"]["text"] == "the runbook begins here"
    uri = last["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "more%20plans/%C3%BC%2C1.yaml"


@pytest.mark.parametrize(
    ("name", "uri"), [("./plan.yaml", "plan.yaml"), ("a/../b.yaml", "b.yaml"), ("a:b", "a%3Ab")]
)
def test_sarif_uris_are_normal(name: str, uri: str) -> None:
    document = json.loads(render_sarif([(Source(name, "a: 1\n"), [FINDING])]))
    location = document["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == uri


def test_sarif_of_a_file_below_the_working_directory_is_relative(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, uri in [
        (tmp_path / "a" / "b.yaml", "a/b.yaml"),
        (Path("/x y/b.yaml"), "file:///x%20y/b.yaml"),
    ]:
        document = json.loads(render_sarif([(Source(str(name), ""), [FINDING])]))
        location = document["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
        assert location["artifactLocation"]["uri"] == uri


def test_what_the_loader_finds_can_be_shown() -> None:
    source = Source("plan.yaml", "a: {q: =min(a, 5), q: 1}\nb: Buy #1\nc: *x\n")
    report = Report(source)
    load(source, report)
    shown = text_of(source, *report.sorted(), width=80)
    assert shown.endswith("3 errors, 1 warning in plan.yaml\n")
    assert all(len(line) <= 80 for line in shown.splitlines() if not line.startswith("plan.yaml:"))
