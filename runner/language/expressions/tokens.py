"""The words of an expression."""

from __future__ import annotations

import re

from msgspec import Struct

WORDS = ("true", "false", "none", "and", "or", "not", "in", "if", "else")
_TOKEN = re.compile(
    r"""
      (?P<space>[ \t\r\n]+)
    | (?P<thousands>\d{1,3}(?:,\d{3})+(?![\d\w]))
    | (?P<number>\.?\d[\w.:]*%?)
    | (?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
    | (?P<text>'[^']*'|"[^"]*")
    | (?P<wrong>===|!==|=<|=>|<>|\*\*|&&?|\|\|?|!(?!=)|=(?!=)
        |[?^%$\u201c\u201d\u2018\u2019\u00d7\u00f7\u2212\u2264\u2265\u2260])
    | (?P<sign>==|!=|<=|>=|//|[-+*/<>()\[\],])
    """,
    re.VERBOSE | re.ASCII,
)
INSTEAD = {
    "===": "Write == to compare.",
    "!==": "Write != to compare.",
    "=": "Write == to compare.",
    "=<": "Write <= instead.",
    "\u2264": "Write <= instead.",
    "=>": "Write >= instead.",
    "\u2265": "Write >= instead.",
    "<>": "Write != instead.",
    "\u2260": "Write != instead.",
    "&&": "Write and instead.",
    "&": "Write and instead.",
    "||": "Write or instead.",
    "|": "Write or instead.",
    "!": "Write not instead.",
    "**": "There are no powers; multiply instead.",
    "^": "There are no powers; multiply instead.",
    "?": "Write a if condition else b.",
    "%": "A percent sign stands right after a number, such as 3%. There is no remainder.",
    "$": "Write the amount alone, without a currency sign.",
    "\u00d7": "Write * instead.",
    "\u00f7": "Write / instead.",
    "\u2212": "Write - instead.",
    "\u201c": "Use straight quotes: 'text'.",
    "\u201d": "Use straight quotes: 'text'.",
    "\u2018": "Use straight quotes: 'text'.",
    "\u2019": "Use straight quotes: 'text'.",
    "null": "Write none instead.",
    "is": "Write == instead.",
}


class Token(Struct, frozen=True):
    """`kind` is number, name, text, word, sign or end."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def shown(self) -> str:
        return "the end" if self.kind == "end" else f"'{self.text}'"


class UnreadableError(Exception):
    """Why the text is not an expression."""

    def __init__(self, message: str, start: int, end: int, help: str = "", code: str = "RB401"):  # noqa: A002
        super().__init__(message)
        self.message, self.start, self.end, self.help, self.code = message, start, end, help, code


def tokens(text: str) -> list[Token]:
    """The words of an expression, the last of kind `end`."""
    found: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if not match:
            raise _unreadable(text, at)
        kind, word, end = str(match.lastgroup), match.group(), match.end()
        if kind == "thousands":
            plain = word.replace(",", "")
            help = f"Write {plain}, or a space after each comma that separates values."  # noqa: A001
            raise UnreadableError(f"{word} could be one number or several", at, end, help)
        if text.startswith("${", at):
            help = "Leave out ${ and }: this is an expression already."  # noqa: A001
            raise UnreadableError("${ } stands only in text", at, at + 2, help)
        if kind == "wrong":
            raise UnreadableError(
                f"'{word}' has no meaning in an expression", at, end, INSTEAD[word]
            )
        if kind == "name" and word in WORDS:
            kind = "word"
        if kind != "space":
            found.append(Token(kind, word, at, end))
        at = end
    found.append(Token("end", "", len(text), len(text)))
    return found


def no_index(start: int, end: int) -> UnreadableError:
    """`orders[0]`: nothing is picked out of a list."""
    help = "A list is only passed on whole; other outputs of its step tell about it."  # noqa: A001
    return UnreadableError("lists cannot be indexed", start, end, help)


def _unreadable(text: str, at: int) -> UnreadableError:
    character = text[at]
    if character in "'\"":
        help = f"Close the text with {character}."  # noqa: A001
        return UnreadableError("this text has no end", at, len(text), help)
    if character == "." and text[:at].endswith("]") and "[" in text[:at]:
        return no_index(text.rfind("[", 0, at), at)
    if character == ".":
        return UnreadableError("a dot stands between two names, without blanks", at, at + 1)
    shown = f"'{character}'" if character.isprintable() else f"U+{ord(character):04X}"
    return UnreadableError(f"{shown} has no meaning in an expression", at, at + 1)
