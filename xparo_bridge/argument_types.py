# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Command lines: numbers and addresses, as the `type` of an argument, and a parser that takes text.

`float` alone takes `nan`, of which every comparison is false: as a limit it would be none.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
import ipaddress
import math
import re
from typing import Any, NoReturn

# More than anybody means, s or m/s or days: beyond 9.2e9 s Python itself cannot wait.
MOST = 1e9
_LONGEST = 1000  # characters of what is said to be wrong


class Parser(argparse.ArgumentParser):
    """
    A parser that refuses what is no text, and says what is wrong in a sentence.

    The shell may pass any bytes on. Those that are not UTF-8 can be a file's name, and no other
    argument: no message could carry them. So values that are not of type Path must be text.
    """

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        options, rest = super().parse_known_args(args, namespace)
        for value in [*vars(options).values(), rest]:
            for text in value if isinstance(value, list) else [value]:
                if isinstance(text, str) and not _is_text(text):
                    self.error(f'expected text in UTF-8, not {text}')
        for action in self._actions:
            found: Any = getattr(options, action.dest, None)
            # What Python before 3.13 makes of `--name=--`, whatever its type.
            given = isinstance(found, list) and found != action.default
            nothing = given and (not found or [] in found)
            if nothing and action.nargs is None and action.option_strings:
                self.error(f'argument {action.option_strings[-1]}: expected one argument')
        return options, rest

    def error(self, message: str) -> NoReturn:
        """Say it without what would do something to a terminal, and no longer than is read."""
        said = ''.join(c if c.isprintable() or c == '\n' else repr(c)[1:-1] for c in message)
        if len(said) > _LONGEST:
            said = f'{said[: _LONGEST // 2]}…{said[-_LONGEST // 2 :]}'
        super().error(said)


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def host(text: str) -> str:
    """
    Return an address or a host's name.

    :raises ArgumentTypeError: of any other text.
    """
    try:
        ipaddress.ip_address(text)
        return text
    except ValueError:
        pass
    try:
        if re.fullmatch(r'[\w.-]+', text) and text.encode('idna'):
            return text
    except UnicodeError:
        pass
    raise argparse.ArgumentTypeError(f"expected an address or a host's name, not {text or 'none'}")


def positive(text: str) -> float:
    """
    Return a number above zero, of MOST at most.

    :raises ArgumentTypeError: of any other text.
    """
    number = _number(text)
    if not 0.0 < number <= MOST:
        most = f' and up to {MOST:g}' if number > MOST else ''
        raise argparse.ArgumentTypeError(f'expected a number above 0{most}, not {text}')
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
