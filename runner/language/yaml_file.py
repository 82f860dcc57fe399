"""A runbook's file as text, or a sentence about why not."""

from __future__ import annotations

from pathlib import Path

from runner.language.diagnostics import Diagnostic
from runner.language.source import Source, Span

MAX_BYTES = 1 << 20


class UnreadableFile(Exception):  # noqa: N818 - it names the file's state
    """A file that could not be read as text; `message` is a sentence for the user."""

    def __init__(self, message: str, *, code: str = "RB101", help: str = "") -> None:  # noqa: A002
        super().__init__(message)
        self.message = message
        self.code = code
        self.help = help

    @property
    def diagnostic(self) -> Diagnostic:
        """The same as a finding, at the start of the file."""
        return Diagnostic(self.code, self.message, Span(1, 1, 1, 1), help=self.help)


def read_source(path: str | Path) -> Source:
    """The file's text, without a byte order mark, under the name that the user gave.

    Raises `UnreadableFile` when it is missing, is a directory, may not be read, is over 1 MiB,
    or is not UTF-8 text.
    """
    name = str(path)
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise UnreadableFile("there is no such file") from None
    except IsADirectoryError:
        raise UnreadableFile(
            "this is a directory, not a runbook", help="name the YAML file in it"
        ) from None
    except PermissionError:
        raise UnreadableFile("you are not allowed to read this file") from None
    except OSError as error:
        raise UnreadableFile(f"the file cannot be read: {error.strerror or error}") from None
    except ValueError:
        raise UnreadableFile("no file can have this name") from None
    if len(data) > MAX_BYTES:
        raise UnreadableFile("the file is larger than 1 MiB", code="RB107", help=SIZE_HELP)
    return Source(name, _decode(data))


def _decode(data: bytes) -> str:
    save = "save it as UTF-8"
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnreadableFile("the file is UTF-16, not UTF-8", code="RB102", help=save)
    if b"\0" in data:
        raise UnreadableFile("the file holds NUL bytes: it is not text", code="RB102", help=save)
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UnreadableFile(
            f"the file is not UTF-8 text: byte 0x{data[error.start]:02x} on line {line}",
            code="RB102",
            help=save,
        ) from None


SIZE_HELP = "split the plan into several runbooks; one calls another with `call`"
