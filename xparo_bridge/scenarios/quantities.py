# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Quantities as scenarios write them: a number and its unit, `12 s`, `0.3 m`, `2 kB/s`."""

from __future__ import annotations

from dataclasses import dataclass
import math
import re
from typing import Any

from ..errors import BadInput

_TEXT = re.compile(r'\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([^\d\s.+-]\S*)?\s*')


class WrongQuantity(BadInput):
    """A text that is not the quantity expected: what is wrong and what would be right."""


@dataclass(frozen=True)
class Kind:
    """A kind of quantity: its name, an example, and how many of the first unit each unit is."""

    name: str
    example: str
    units: dict[str, float]
    bare: bool = False  # Whether a number alone is taken, in the first unit.
    negative: bool = False

    def read(self, value: Any) -> float:
        """
        Return a value in the first unit.

        :raises WrongQuantity: for anything else.
        """
        right = f'expected {self.name}, such as {self.example}'
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise WrongQuantity(right)
        match = _TEXT.fullmatch(str(value))
        if match is None:
            raise WrongQuantity(f'"{value}": {right}')
        number, unit = float(match[1]), match[2]
        if not math.isfinite(number):
            raise WrongQuantity(f'"{value}" is beyond any number; {right}')
        if unit is None:
            if not self.bare:
                first = next(iter(self.units))
                raise WrongQuantity(f'{match[1]} has no unit; write {match[1]} {first}')
            factor = 1.0
        elif unit in self.units:
            factor = self.units[unit]
        else:
            raise WrongQuantity(
                f'no unit "{unit}" for {self.name}; there are {", ".join(self.units)}'
            )
        if number < 0 and not self.negative:
            raise WrongQuantity(f'"{value}" is negative; {right}')
        return number * factor


DURATION = Kind('a duration', '12 s', {'s': 1.0, 'ms': 1e-3, 'min': 60.0, 'h': 3600.0})
TIME_STEP = Kind(
    'a step of the clock', '-5 s', {'s': 1.0, 'ms': 1e-3, 'min': 60.0, 'h': 3600.0}, negative=True
)
LENGTH = Kind('a length', '0.3 m', {'m': 1.0, 'cm': 1e-2, 'mm': 1e-3})
POSITION = Kind('a position', '1.5 m', {'m': 1.0, 'cm': 1e-2}, bare=True, negative=True)
ANGLE = Kind('an angle', '90 deg', {'rad': 1.0, 'deg': math.pi / 180.0}, bare=True, negative=True)
SPEED = Kind('a speed', '0.5 m/s', {'m/s': 1.0, 'cm/s': 1e-2}, negative=True)
TURN_RATE = Kind('a turn rate', '1 rad/s', {'rad/s': 1.0, 'deg/s': math.pi / 180.0}, negative=True)
PERCENT = Kind('a percentage', '80 %', {'%': 1.0}, bare=True)
RATE = Kind('a rate of bytes', '2 kB/s', {'B/s': 1.0, 'kB/s': 1e3, 'MB/s': 1e6})
