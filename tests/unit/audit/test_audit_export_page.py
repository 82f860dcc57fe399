"""docs/audit-export.md: its columns are those that are written, and its SQL works."""

from __future__ import annotations

import csv
import io
import re
import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner
from unit.audit.order_story import Told, shown

from runner.audit.tables import TABLES
from runner.cli.audit import audit

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "audit-export.md").read_text("utf-8")


@pytest.mark.parametrize("what", TABLES)
def test_the_page_lists_the_columns_in_their_order(what: str) -> None:
    section = PAGE.split(f"\n## `{what}`\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.+) \|$", section, re.MULTILINE)
    assert rows == [tuple(column) for column in TABLES[what]]


def test_the_example_for_sqlite_adds_up(tmp_path: Path) -> None:
    told = Told()
    told.submit("a", data=shown("a"))
    told.read(shown("a", filled_qty="4", filled_avg_price="100.10"))
    told.read(shown("a", filled_qty="10", filled_avg_price="100.25", status="filled"))
    told.write(tmp_path)
    given = ["export", "--what", "fills", "--audit-dir", str(tmp_path)]
    written = CliRunner().invoke(audit, given, catch_exceptions=False).stdout
    script = PAGE.split("sqlite3 trades.db <<'END'\n")[1].split("\nEND\n")[0]
    create, query = script.split(".import --csv --skip 1 fills.csv fills\n")
    with sqlite3.connect(":memory:") as database:
        database.executescript(create)
        head, *rows = csv.reader(io.StringIO(written, newline=""))
        names = [one[1] for one in database.execute("PRAGMA table_info(fills)")]
        assert names == head
        places = ", ".join("?" * len(head))
        database.executemany(f"INSERT INTO fills VALUES ({places})", rows)
        found = database.execute(query).fetchall()
    assert found == [("AAPL", "buy", 10, pytest.approx(1002.5))]
    assert sum(Decimal(row[head.index("dollars")]) for row in rows) == Decimal("1002.50")
