# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Compile a script into a function that runs it.

A script is compiled once for each text, to closures that are called with a blackboard. All
arithmetic gives a float, all operands are evaluated (there is no short circuit), integer literals
are 64-bit integers and true and false are 1.0 and 0.0. An assignment looks its entry up, and
``:=`` makes it, before the right side is evaluated, and never changes the type of a value that is
there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import math
import operator
from typing import Any

from ..blackboard import Blackboard, Entry
from ..errors import BehaviorError, ConversionError, ScriptError
from ..ports import ANY_ALLOWED, INT64, PortType, type_of
from ..values import clip, describe, is_number, to_bool, to_double, to_integer, to_string
from .syntax import (
    Assignment,
    Binary,
    Comparison,
    Expression,
    Literal,
    Name,
    parse_script,
    Ternary,
    Unary,
)

MAX_TEXT = 20_000  # Characters a script may build up in one text.
MAX_SCRIPT = 20_000  # Characters of one script of a tree: nothing interrupts one that runs.
_MAX_COMPILED = 10_000
TOLERANCE = 2.0**-23  # Floats closer than the epsilon of a 32-bit float count as equal.

Evaluate = Callable[[Blackboard], Any]


class Script:
    """
    A script bound to a blackboard: call it to run it and get the last statement's value.

    :raises ScriptError: from a call, if the script cannot be carried out.
    """

    __slots__ = ('_blackboard', '_last', '_statements', 'text')

    def __init__(
        self, text: str, statements: tuple[Evaluate, ...], blackboard: Blackboard
    ) -> None:
        self.text = text
        self._statements = statements[:-1]
        self._last = statements[-1]
        self._blackboard = blackboard

    def __call__(self) -> Any:
        board = self._blackboard
        try:
            for statement in self._statements:
                statement(board)
            return self._last(board)
        except BehaviorError as error:
            raise ScriptError(f'in the script [{clip(self.text, 200)}]: {error}') from error

    def is_true(self) -> bool:
        """Run the script and take its value for a truth value."""
        try:
            return to_bool(self())
        except ConversionError as error:
            raise ScriptError(f'in the script [{clip(self.text, 200)}]: {error}') from error


class ScriptCompiler:
    """
    Compiles the scripts of one tree, each text once however many nodes have it.

    `enums` are the named constants; `limit` is the most characters of one script.
    """

    def __init__(self, enums: Mapping[str, int], limit: int = MAX_SCRIPT) -> None:
        self._enums = enums
        self._limit = limit
        self._compiled: dict[str, tuple[Evaluate, ...]] = {}

    def compile(self, text: str, blackboard: Blackboard) -> Script:
        """
        Compile a script for nodes on a blackboard.

        :raises ScriptError: if the script is malformed or longer than the limit.
        """
        statements = self._compiled.get(text)
        if statements is None:
            if len(text) > self._limit:
                raise ScriptError(
                    f'the script has {len(text)} characters, more than {self._limit}'
                )
            if len(self._compiled) >= _MAX_COMPILED:
                # Scripts in entries may be made anew at every tick; those of documents are fewer.
                self._compiled.clear()
            compiler = _Compiler(self._enums)
            statements = tuple(compiler.expression(part) for part in parse_script(text))
            self._compiled[text] = statements
        return Script(text, statements, blackboard)


def compile_script(text: str, blackboard: Blackboard, enums: Mapping[str, int]) -> Script:
    """
    Compile one script for a blackboard, with named constants.

    :raises ScriptError: if the script is malformed.
    """
    return ScriptCompiler(enums, len(text)).compile(text, blackboard)


def _divide(left: float, right: float) -> float:
    if right == 0.0:
        if left == 0.0 or math.isnan(left):
            return math.nan
        return math.copysign(math.inf, left) * math.copysign(1.0, right)
    return left / right


_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    '+': operator.add,
    '-': operator.sub,
    '*': operator.mul,
    '/': _divide,
}
_BITWISE: dict[str, Callable[[int, int], int]] = {
    '&': operator.and_,
    '|': operator.or_,
    '^': operator.xor,
}
# An operator fails only if its opposite holds, which makes comparisons with NaN true.
_REFUTED_BY: dict[str, Callable[[Any, Any], bool]] = {
    '<': operator.ge,
    '>': operator.le,
    '<=': operator.gt,
    '>=': operator.lt,
}


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, float):
        return bool(abs(left - right) <= TOLERANCE)
    return bool(left == right)


def _compare(symbol: str, left: Any, right: Any) -> bool:
    if symbol == '==':
        return _same(left, right)
    if symbol == '!=':
        return not _same(left, right)
    return not _REFUTED_BY[symbol](left, right)


def _join(left: str, right: str) -> str:
    if len(left) + len(right) > MAX_TEXT:
        raise ScriptError(f'a text would grow beyond {MAX_TEXT} characters')
    return left + right


def _complement(number: float) -> float:
    if not -(2.0**63) <= number <= 2.0**63 and not math.isnan(number):
        raise ScriptError("the operand of '~' does not fit 64 bits")
    whole = -(2**63) if math.isnan(number) or number == 2.0**63 else int(number)
    return float(~whole)


def _require(value: Any, side: str, symbol: str) -> None:
    if value is None:
        raise ScriptError(f'the {side} operand of {symbol!r} was never written')


class _Compiler:
    def __init__(self, enums: Mapping[str, int]) -> None:
        self._enums = enums

    def expression(self, part: Expression) -> Evaluate:
        if isinstance(part, Literal):
            literal = part.value
            return lambda board: literal
        if isinstance(part, Name):
            return self._name(part)
        if isinstance(part, Unary):
            return self._unary(part)
        if isinstance(part, Binary):
            return self._binary(part)
        if isinstance(part, Comparison):
            return self._comparison(part)
        if isinstance(part, Ternary):
            return self._ternary(part)
        return self._assignment(part)

    def _name(self, part: Name) -> Evaluate:
        name = part.name
        if name in self._enums:
            constant = float(self._enums[name])
            return lambda board: constant

        def read(board: Blackboard) -> Any:
            entry = board.entry(name)
            if entry is None:
                raise ScriptError(f'there is no entry {name!r}')
            return entry.value

        return read

    def _unary(self, part: Unary) -> Evaluate:
        symbol = part.operator
        operand = self.expression(part.operand)

        def apply(board: Blackboard) -> float:
            value = operand(board)
            if not is_number(value):
                raise ScriptError(f'{symbol!r} needs a number, not {describe(value)}')
            number = to_double(value)
            if symbol == '-':
                return -number
            return _complement(number) if symbol == '~' else float(number == 0.0)

        return apply

    def _binary(self, part: Binary) -> Evaluate:
        symbol = part.operator
        left, right = self.expression(part.left), self.expression(part.right)
        calculate = _ARITHMETIC.get(symbol)

        def apply(board: Blackboard) -> Any:
            first, second = left(board), right(board)
            if type(first) is float and type(second) is float and calculate is not None:
                return calculate(first, second)
            return _operate(symbol, first, second)

        return apply

    def _comparison(self, part: Comparison) -> Evaluate:
        operands = [self.expression(operand) for operand in part.operands]
        first = operands[0]
        links = list(zip(part.operators, operands[1:], strict=True))

        def compare(board: Blackboard) -> float:
            left = first(board)
            for symbol, operand in links:
                right = operand(board)
                if not self._link(symbol, left, right):
                    return 0.0
                left = right
            return 1.0

        return compare

    def _link(self, symbol: str, left: Any, right: Any) -> bool:
        _require(left, 'left', symbol)
        _require(right, 'right', symbol)
        if isinstance(left, str) and isinstance(right, str):
            return _compare(symbol, left, right)
        return _compare(symbol, self._to_double(left), self._to_double(right))

    def _to_double(self, value: Any) -> float:
        """A number, also from its text, a truth value's or a constant's name."""
        if isinstance(value, str):
            if value in ('true', 'false'):
                return float(value == 'true')
            if value in self._enums:
                return float(self._enums[value])
        return to_double(value)

    def _ternary(self, part: Ternary) -> Evaluate:
        condition = self.expression(part.condition)
        then, otherwise = self.expression(part.then), self.expression(part.otherwise)

        def choose(board: Blackboard) -> Any:
            return then(board) if to_double(condition(board)) != 0.0 else otherwise(board)

        return choose

    def _assignment(self, part: Assignment) -> Evaluate:
        symbol = part.operator
        value = self.expression(part.value)
        if not isinstance(part.target, Name):

            def refuse(board: Blackboard) -> Any:
                raise ScriptError(f'only a name can stand to the left of {symbol!r}')

            return refuse
        name = part.target.name
        source = part.value

        def assign(board: Blackboard) -> Any:
            entry = board.entry(name)
            if entry is None:
                if symbol != ':=':
                    raise ScriptError(f"there is no entry {name!r}: ':=' would make it")
                board.declare(name, ANY_ALLOWED)
                entry = board.entry(name)
                if entry is None:
                    raise ScriptError(f'{name!r} is remapped to an entry that does not exist')
            result = value(board)
            _require(result, 'right', symbol)
            if symbol in (':=', '='):
                self._store(board, entry, result, source)
            else:
                _require(entry.value, 'left', symbol)
                entry.assign(_update(symbol, entry.value, result), entry.value_type)
            return entry.value

        return assign

    def _store(self, board: Blackboard, entry: Entry, value: Any, source: Expression) -> None:
        if entry.value is None and entry.type is ANY_ALLOWED:
            entry.replace(value, _origin(board, source, value))
        elif isinstance(value, str) and not isinstance(entry.value, str):
            if entry.type.parse is not None:
                entry.replace(entry.type.parse(value), entry.type)
            elif is_number(entry.value):
                number = self._to_double(value)
                entry.replace(number, type_of(number))
            else:
                raise ScriptError(f'text cannot replace {describe(entry.value)}')
        else:
            entry.assign(value, _origin(board, source, value))


def _origin(board: Blackboard, source: Expression, value: Any) -> PortType:
    """The type of a value just evaluated: copied from its entry, or that of a literal."""
    if isinstance(source, Assignment):
        source = source.target
    if isinstance(source, Name):
        entry = board.entry(source.name)
        if entry is not None and entry.value is value:
            return entry.value_type
    return INT64 if isinstance(value, int) else type_of(value)


def _operate(symbol: str, left: Any, right: Any) -> Any:
    _require(left, 'left', symbol)
    _require(right, 'right', symbol)
    if is_number(left) and is_number(right):
        return _calculate(symbol, left, right)
    texts = isinstance(left, str), isinstance(right, str)
    if symbol == '+' and all(texts):
        return _join(left, right)
    if symbol == '..' and any(texts) and (is_number(left) or is_number(right) or all(texts)):
        return _join(to_string(left), to_string(right))
    raise ScriptError(f'{symbol!r} does not work on {describe(left)} and {describe(right)}')


def _calculate(symbol: str, left: Any, right: Any) -> float | None:
    if symbol in _ARITHMETIC:
        return _ARITHMETIC[symbol](to_double(left), to_double(right))
    # BehaviorTree.CPP converts both operands to float first, whatever the operator.
    to_double(left), to_double(right)
    if symbol in _BITWISE:
        return float(_BITWISE[symbol](to_integer(left), to_integer(right)))
    if symbol == '..':
        return None
    first, second = to_bool(left), to_bool(right)
    return float(first and second) if symbol == '&&' else float(first or second)


def _update(symbol: str, old: Any, value: Any) -> Any:
    """The value of `old symbol value`, for `+= -= *= /=`."""
    if is_number(value):
        if not is_number(old):
            raise ScriptError(f'{symbol!r} cannot add a number to {describe(old)}')
        return _ARITHMETIC[symbol[0]](to_double(old), to_double(value))
    if isinstance(value, str):
        if symbol != '+=':
            raise ScriptError(f'{symbol!r} does not work on text')
        return _join(to_string(old), value)
    return old
