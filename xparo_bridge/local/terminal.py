# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Print for people: one line that moves, and colours, on a terminal; plain lines anywhere else.

Without a library for it: this package is on robots, and each of its dependencies is too.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from typing import TextIO

MOVING_PERIOD = 5.0  # s between two lines of what goes on, where no line can move
_COLOURS = {'good': '32', 'bad': '31', 'going': '33', 'soft': '2'}
_STATES = {
    'succeeded': 'good', 'ready': 'good', 'connected': 'good',
    'failed': 'bad', 'rejected': 'bad', 'timed_out': 'bad', 'gone': 'bad', 'error': 'bad',
    'running': 'going', 'accepted': 'going', 'paused': 'going', 'canceled': 'going',
    'halted': 'going',
}  # fmt: skip


class Terminal:
    """What a verb prints on."""

    def __init__(self, to: TextIO | None = None) -> None:
        """Print to standard output, or elsewhere."""
        self._to = to or sys.stdout
        self.moves = self._to.isatty() and os.environ.get('TERM') != 'dumb'
        self._coloured = self.moves and not os.environ.get('NO_COLOR')
        self._is_moving = False
        self._printed_at = -1e9

    def line(self, text: str, state: str = '') -> None:
        """Print a line that stays, with the words of a state in its colour."""
        self.settle()
        print(self._with_state(text, state), file=self._to, flush=True)

    def moving(self, text: str, state: str = '') -> None:
        """
        Print a line in the place of the one that moved last.

        Where none can move it is printed once in MOVING_PERIOD.
        """
        if self.moves:
            text = ' '.join(part.strip() for part in text.splitlines())  # A second could not move.
            width = shutil.get_terminal_size().columns
            text = text if len(text) < width else f'{text[: width - 2]}…'
            self._to.write(f'\r\x1b[2K{self._with_state(text, state)}')
            self._to.flush()
            self._is_moving = True
        elif time.monotonic() - self._printed_at > MOVING_PERIOD:
            self._printed_at = time.monotonic()
            print(text, file=self._to, flush=True)

    def erase(self) -> None:
        """Take the line that moves away."""
        if self._is_moving:
            self._to.write('\r\x1b[2K')
            self._is_moving = False

    def settle(self) -> None:
        """Leave the line that moves where it is."""
        if self._is_moving:
            self._to.write('\n')
            self._is_moving = False

    def colour(self, text: str, name: str) -> str:
        """Return a text in a colour: good, bad, going or soft."""
        return f'\x1b[{_COLOURS[name]}m{text}\x1b[0m' if self._coloured else text

    def _with_state(self, text: str, state: str) -> str:
        name = _STATES.get(state)
        if name is None or not self._coloured:
            return text
        before, found, after = text.partition(f' {state}')
        return f'{before} {self.colour(state, name)}{after}' if found else text
