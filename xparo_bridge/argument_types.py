# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Numbers of command lines, as the `type` of an argument.

`float` alone takes `nan`, of which every comparison is false: as a limit it would be none.
"""

from __future__ import annotations

import argparse
import math


def positive(text: str) -> float:
    """
    Return a finite number above zero.

    :raises ArgumentTypeError: of any other text.
    """
    number = _number(text)
    if not 0.0 < number < math.inf:
        raise argparse.ArgumentTypeError(f'expected a number above 0, not {text}')
    return number


def not_negative(text: str) -> float:
    """
    Return zero or a finite number above it.

    :raises ArgumentTypeError: of any other text.
    """
    number = _number(text)
    if not 0.0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f'expected 0 or a number above it, not {text}')
    return number


def port(text: str) -> int:
    """
    Return a TCP port, or 0 for a free one.

    :raises ArgumentTypeError: of any other text.
    """
    if not (text.isascii() and text.isdecimal() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f'expected a TCP port, 0 to 65535, not {text}')
    return int(text)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f'expected a number, not {text}') from None
