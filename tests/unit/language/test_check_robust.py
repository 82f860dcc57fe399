"""Whatever a file holds, the check ends with findings in the file, never with an exception."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from runner.language.check import check
from runner.language.source import Source
from runner.steps import ACTIONS

EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "valid").glob("*.yaml"))
_WORD = re.compile(r"[^\s,{}\[\]:]+")
_WORDS = (
    "null", "~", "true", "0", "-1", "1.5", "'1'", "=params.qty", "[]", "{}", "[a]", "{a: 1}", "3%",
    "60s", "*x", "&x", "!t", "-", "?", "|", ">", "=", "é", "\t", "9:30", "1e5", "0x1F", "NULL",
    "2026-11-24", "steps.entry.order_id", "entry", "${x}", "${", "poll", "steps", "params", "id",
)  # fmt: skip


def spoiled(text: str, chance: random.Random) -> str:
    """The text with one word, line or character changed."""
    lines = text.split("\n")
    at = chance.randrange(len(lines))
    match chance.randrange(4):
        case 0:
            found = chance.choice(list(_WORD.finditer(text)))
            return text[: found.start()] + chance.choice(_WORDS) + text[found.end() :]
        case 1:
            return "\n".join(lines[:at] + lines[at + 1 :])
        case 2:
            lines[at] = chance.choice(("", "  ", "      ")) + lines[at].lstrip()
            return "\n".join(lines)
    cut = chance.randrange(len(text))
    return text[:cut] + chance.choice(" :,{}[]-#'\"=\n|>&*!%@`") + text[cut + 1 :]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_spoiled_file_is_checked_to_its_end(path: Path) -> None:
    chance = random.Random(path.stem)
    text = path.read_text(encoding="utf-8")
    for _ in range(40):
        source = Source("spoiled.yaml", spoiled(spoiled(text, chance), chance))
        result = check(source, ACTIONS, chance.choice((None, {})))
        lines = source.text.count("\n") + 1
        for _, found in result.findings:
            assert 1 <= found.span.line <= lines, found
        assert (result.runbook is None) == result.failed
