# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Split a script into tokens."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
import re
from typing import NamedTuple

from ..errors import ScriptError
from ..values import clip


class TokenKind(Enum):
    """What kind of token it is."""

    INTEGER = 'an integer'
    REAL = 'a real number'
    STRING = 'text'
    BOOLEAN = 'true or false'
    NAME = 'a name'
    OPERATOR = 'an operator'
    END = 'the end of the script'


class Token(NamedTuple):
    """One token, and where it begins in the script."""

    kind: TokenKind
    text: str
    position: int  # Counted from 1, as an editor's columns.


_TOKEN = re.compile(
    r"""
    (?P<space>(?:[ \t\n\r\f\v]|\\\r?\n)+)
    | '(?P<string>[^']*)'
    | (?P<hexadecimal>0[xX][0-9a-fA-F]+)
    | (?P<number>[0-9]+(?P<fraction>\.[0-9]+)?(?P<exponent>[eE][+-]?[0-9]+)?)
    | (?P<name>[A-Za-z_@][A-Za-z0-9_]*)
    | (?P<operator>\.\.|&&|\|\||==|!=|<=|>=|:=|\+=|-=|\*=|/=|[-+*/&|^~!<>=?:();])
    """,
    re.VERBOSE | re.ASCII,
)
# What may not follow a number: '3foo', '65.', '1e', '0x1F.5'; but '65..x' is a concatenation.
_GLUED = re.compile(r'[A-Za-z_@]|\.(?!\.)', re.ASCII)
_GLUED_HEX = re.compile(r'[A-Za-z_.]', re.ASCII)


def tokenize(text: str) -> Iterator[Token]:
    """
    Yield the tokens of a script, one of kind END last.

    :raises ScriptError: where no token can be read.
    """
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ScriptError(_explain(text, position))
        kind = match.lastgroup
        if kind in ('number', 'fraction', 'exponent', 'hexadecimal'):
            yield _number(text, match)
        elif kind == 'string':
            yield Token(TokenKind.STRING, match['string'], position + 1)
        elif kind == 'name':
            word = match['name']
            is_literal = word in ('true', 'false')
            yield Token(TokenKind.BOOLEAN if is_literal else TokenKind.NAME, word, position + 1)
        elif kind == 'operator':
            yield Token(TokenKind.OPERATOR, match['operator'], position + 1)
        position = match.end()
    yield Token(TokenKind.END, '', len(text) + 1)


def _number(text: str, match: re.Match[str]) -> Token:
    hexadecimal = match['hexadecimal'] is not None
    glued = _GLUED_HEX if hexadecimal else _GLUED
    if glued.match(text, match.end()):
        word = re.compile(r'[\w.]+', re.ASCII).match(text, match.start())
        raise ScriptError(
            f'{clip(word.group()) if word else ""!r} at position {match.start() + 1} '
            'is not a number'
        )
    real = not hexadecimal and (match['fraction'] or match['exponent'])
    kind = TokenKind.REAL if real else TokenKind.INTEGER
    return Token(kind, match.group(), match.start() + 1)


def _explain(text: str, position: int) -> str:
    character = text[position]
    if character == "'":
        return f"the text that starts at position {position + 1} has no closing '"
    hint = ': text stands in single quotes' if character == '"' else ''
    return f'{character!r} at position {position + 1} means nothing in a script{hint}'
