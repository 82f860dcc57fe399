"""Reading is compiled; what it believes is exactly what the slow readers believe."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from unit.audit.audit_sample import write_whole
from unit.audit.test_record_schema import LEDGER_DATA, LOG_DATA, variations

from runner.audit import records, shapes
from runner.audit.canonical import sha256_hex
from runner.audit.errors import CanonicalError
from runner.audit.log import scan
from runner.audit.records import (
    GENESIS,
    LONGEST_LINE,
    Record,
    RecordError,
    Rule,
    parse,
    seal,
    timestamp,
)

RUN = "20261123T143001Z-aaaaaaaaaaaaaaaa"
WHOLE = {"a": {"b": [1, "x", None, True, {"c": "d"}]}, "z": "1.5"}


def line_of(data: dict[str, Any], step: str | None = "steps[0]") -> bytes:
    _, line = seal(seq=7, wall_ns=1, run=RUN, type="signal", step=step, data=data, prev=GENESIS)
    return line[:-1]


def judged(line: bytes, how: Any) -> Record | tuple[str, str]:
    try:
        record: Record = how(line)
    except RecordError as error:
        return error.rule, str(error)
    return record


def spellings() -> Iterator[bytes]:
    line = line_of(WHOLE)
    yield line
    yield line_of({})
    yield line_of({"text": "größer · ✓ \u2028 \U0001f600"})
    yield line_of(WHOLE, step=None)
    yield line.replace(b'"v":1', b'"v":1.0')
    yield line.replace(b'"v":1', b'"v":true')
    yield line.replace(b'"seq":7', b'"seq":7.0')
    yield line.replace(b'"seq":7', b'"seq":07')
    yield line.replace(b'"seq":7', b'"seq":-7')
    yield line.replace(b"[1,", b"[1.0,")
    yield line.replace(b"[1,", b"[1e2,")
    yield line.replace(b"[1,", b"[9007199254740993,")
    yield line.replace(b"[1,", b"[123456789012345678901234567890,")
    yield line.replace(b"[1,", b"[-0,")
    yield line.replace(b'"x"', b'"\\u0078"')
    yield line.replace(b'"x"', b'"\\ud800"')
    yield line.replace(b'"x"', b'"\xff"')
    yield line.replace(b'"x"', b'"\xed\xa0\x80"')
    yield line.replace(b'"x"', b'"y"')
    yield line.replace(b'"c":"d"', b'"c":"d","c":"d"')
    yield line.replace(b'"c":"d"', '"ä":"d"'.encode())
    yield line.replace(b'{"a"', b'{ "a"')
    yield line + b" "
    yield line.replace(b'"prev":"0', b'"prev":"A')
    yield line.replace(b"00Z", b"00\\n")
    yield line.replace(b'"run":"2', b'"run":null,"x":"2')
    yield b"[" * 50_000
    yield b""


@pytest.mark.parametrize("line", list(spellings()), ids=range(len(list(spellings()))))
def test_a_line_is_judged_as_the_reader_in_small_steps_judges_it(line: bytes) -> None:
    assert judged(line, parse) == judged(line, records._explain)


@pytest.mark.parametrize(
    "value", [b"1.5", b"1.0", b"0.1", b"-2.25", b"9007199254740993", '{"ä":1}'.encode()]
)
def test_what_no_record_holds_is_found_though_its_hash_is_right(value: bytes) -> None:
    hashed = b'{"data":{"a":%b},"prev":"%b","run":"%b","seq":7,"ts":"%b","type":"signal","v":1}'
    content = hashed % (value, GENESIS.encode(), RUN.encode(), timestamp(1).encode())
    seam = content.index(b',"prev"')
    member = f',"hash":"{sha256_hex(content)}"'.encode()
    with pytest.raises(RecordError) as found:
        parse(content[:seam] + member + content[seam:])
    assert found.value.rule is Rule.BYTES


def test_every_changed_byte_is_judged_alike() -> None:
    line = line_of({"a": [1, "x"]})
    for place, byte in enumerate(line):
        for other in (byte ^ 1, 0x2E, 0x30):
            changed = line[:place] + bytes([other]) + line[place + 1 :]
            assert judged(changed, parse) == judged(changed, records._explain), changed


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    for line in scan(write_whole(tmp_path)):
        assert line.record is not None
        assert line.record.to_dict() == orjson.loads(line.raw)


@pytest.mark.parametrize("kind", [*LOG_DATA, *LEDGER_DATA])
def test_a_compiled_shape_fits_what_the_shape_fits(kind: str) -> None:
    tables = (shapes.LOG_SHAPES, LOG_DATA), (shapes.LEDGER_SHAPES, LEDGER_DATA)
    table, samples = next(each for each in tables if kind in each[1])
    for data in variations(copy.deepcopy(samples[kind])):
        walked = list(shapes._misfits(data, table[kind], "data"))
        if kind == "wire.response" and not walked:
            inner = shapes.FAILED if "error" in data else shapes.ANSWERED
            walked = list(shapes._misfits(data, inner, "data"))
        assert shapes.misfits(kind, data, table) == walked


def test_no_type_of_a_log_is_another_one_in_the_ledger() -> None:
    for kind in set(shapes.LOG_SHAPES) & set(shapes.LEDGER_SHAPES):
        assert shapes.LOG_SHAPES[kind] == shapes.LEDGER_SHAPES[kind]


def test_no_line_is_written_that_would_not_be_read() -> None:
    with pytest.raises(CanonicalError, match="bytes long"):
        line_of({"text": "x" * LONGEST_LINE})
