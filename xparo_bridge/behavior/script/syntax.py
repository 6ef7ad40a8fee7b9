# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Parse a script.

From loose to tight: assignments, ``?:``, ``||``, ``&&``, comparisons (chained), ``|`` and ``^``,
``&``, ``+ - ..``, ``* /``, and the prefixes ``- ~ !``. Operators of one level group to the left;
the right side of an assignment is a whole expression. Statements may be parted by ``;``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import ConversionError, ScriptError
from ..values import clip, INT64_MAX, parse_real
from .tokens import Token, tokenize, TokenKind

MAX_DEPTH = 200  # Nested operators; the closures made of them nest as deep.

ASSIGNMENTS = frozenset((':=', '=', '+=', '-=', '*=', '/='))
COMPARISONS = frozenset(('==', '!=', '<', '>', '<=', '>='))
_ASSIGNMENT, _TERNARY, _COMPARISON, _PREFIX = 2, 4, 10, 20
_BINDING = {
    **dict.fromkeys(ASSIGNMENTS, _ASSIGNMENT),
    '?': _TERNARY,
    '||': 6,
    '&&': 8,
    **dict.fromkeys(COMPARISONS, _COMPARISON),
    '|': 12,
    '^': 12,
    '&': 14,
    '+': 16,
    '-': 16,
    '..': 16,
    '*': 18,
    '/': 18,
}


@dataclass(frozen=True)
class Literal:
    """A value that stands in the script itself."""

    value: Any
    depth: int = 1


@dataclass(frozen=True)
class Name:
    """The value of a blackboard entry, or of an enumeration."""

    name: str
    depth: int = 1


@dataclass(frozen=True)
class Unary:
    """An operator before its one operand."""

    operator: str
    operand: Expression
    depth: int


@dataclass(frozen=True)
class Binary:
    """An operator between two operands."""

    operator: str
    left: Expression
    right: Expression
    depth: int


@dataclass(frozen=True)
class Comparison:
    """`operands[0] operators[0] operands[1] operators[1] ...`, true if every link is."""

    operators: tuple[str, ...]
    operands: tuple[Expression, ...]
    depth: int


@dataclass(frozen=True)
class Ternary:
    """One of two expressions, by a condition."""

    condition: Expression
    then: Expression
    otherwise: Expression
    depth: int


@dataclass(frozen=True)
class Assignment:
    """A value that is written to a blackboard entry."""

    operator: str
    target: Expression
    value: Expression
    depth: int


Expression = Literal | Name | Unary | Binary | Comparison | Ternary | Assignment


def parse_script(text: str) -> tuple[Expression, ...]:
    """
    Read the statements of a script.

    :raises ScriptError: if there is none, or one is malformed or nested too deeply.
    """
    parser = _Parser(list(tokenize(text)))
    statements = parser.statements()
    if not statements:
        raise ScriptError('the script is empty')
    return statements


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = 0

    def statements(self) -> tuple[Expression, ...]:
        found = []
        while self._peek().kind is not TokenKind.END:
            found.append(self._expression(0))
            while self._accept(';'):
                pass
        return tuple(found)

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _advance(self) -> Token:
        token = self._tokens[self._next]
        if token.kind is not TokenKind.END:
            self._next += 1
        return token

    def _accept(self, operator: str) -> bool:
        token = self._peek()
        if token.kind is TokenKind.OPERATOR and token.text == operator:
            self._next += 1
            return True
        return False

    def _expect(self, operator: str, purpose: str) -> None:
        if not self._accept(operator):
            raise ScriptError(f'{operator!r} {purpose} is missing at {_place(self._peek())}')

    def _nested(self, *parts: Expression) -> int:
        depth = 1 + max(part.depth for part in parts)
        if depth > MAX_DEPTH:
            raise ScriptError(f'more than {MAX_DEPTH} operators are nested in each other')
        return depth

    def _expression(self, minimum: int) -> Expression:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ScriptError(f'more than {MAX_DEPTH} operators are nested in each other')
        left = self._prefix()
        while True:
            token = self._peek()
            operator = token.text if token.kind is TokenKind.OPERATOR else ''
            binding = _BINDING.get(operator, -1)
            if binding < minimum:
                break
            if operator in ASSIGNMENTS:
                self._next += 1
                value = self._expression(0)
                left = Assignment(operator, left, value, self._nested(left, value))
                break
            if operator == '?':
                left = self._ternary(left)
                break
            if operator in COMPARISONS:
                left = self._comparison(left)
                continue
            self._next += 1
            right = self._expression(binding + 1)
            left = Binary(operator, left, right, self._nested(left, right))
        self._depth -= 1
        return left

    def _ternary(self, condition: Expression) -> Expression:
        self._next += 1
        then = self._expression(0)
        self._expect(':', "after the first choice of '?'")
        otherwise = self._expression(_TERNARY)
        return Ternary(condition, then, otherwise, self._nested(condition, then, otherwise))

    def _comparison(self, first: Expression) -> Expression:
        operators: list[str] = []
        operands = [first]
        while (token := self._peek()).kind is TokenKind.OPERATOR and token.text in COMPARISONS:
            self._next += 1
            operators.append(token.text)
            operands.append(self._expression(_COMPARISON + 1))
        return Comparison(tuple(operators), tuple(operands), self._nested(*operands))

    def _prefix(self) -> Expression:
        token = self._advance()
        if token.kind is TokenKind.OPERATOR:
            if token.text in ('-', '~', '!'):
                operand = self._expression(_PREFIX)
                return Unary(token.text, operand, self._nested(operand))
            if token.text == '(':
                inner = self._expression(0)
                self._expect(')', f"for the '(' at position {token.position}")
                return inner
        if token.kind is TokenKind.NAME:
            return Name(token.text)
        if token.kind in (TokenKind.OPERATOR, TokenKind.END):
            raise ScriptError(f'a value is missing at {_place(token)}')
        return Literal(_literal(token))


def _literal(token: Token) -> Any:
    if token.kind is TokenKind.BOOLEAN:
        return 1.0 if token.text == 'true' else 0.0
    if token.kind is TokenKind.REAL:
        try:
            return parse_real(token.text)
        except ConversionError as error:
            raise ScriptError(f'{error} at position {token.position}') from error
    if token.kind is TokenKind.INTEGER:
        return _integer(token.text)
    return token.text


def _integer(text: str) -> int:
    """Read a 64-bit integer; one that does not fit counts as 0, as in BehaviorTree.CPP."""
    hexadecimal = text[:2] in ('0x', '0X')
    digits = (text[2:] if hexadecimal else text).lstrip('0') or '0'
    if len(digits) > 20:
        return 0
    value = int(digits, 16 if hexadecimal else 10)
    return value if value <= INT64_MAX else 0


def _place(token: Token) -> str:
    if token.kind is TokenKind.END:
        return 'the end'
    return f'position {token.position}, before {clip(token.text)!r}'
