# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Where does a bridge keep what must survive its restart, and what if the disk does not take it.

Then the bridge goes on, with all of it in memory: it says so once, in the log, and in /diagnostics
for as long as it lasts.
"""

from __future__ import annotations

from collections.abc import Callable
import os
from pathlib import Path

_REMEDY = (
    'make room on the disk, or set state_dir to a directory that can be written; until '
    'then what must survive a restart is kept in memory only'
)


class StateDirectory:
    """A directory that one running bridge has for itself; lives on the ROS thread."""

    def __init__(self, path: Path, complain: Callable[[str], object]) -> None:
        """Take the directory, which the State has made and locked."""
        self.path = path
        self._complain = complain
        self._problems: dict[Path, str] = {}

    @property
    def problem(self) -> str:
        """Why it does not keep what it should, and what to do; empty if it does."""
        return next(iter(self._problems.values()), '')

    def file(self, name: str) -> StateFile:
        """Give a file of the directory, to be replaced as a whole."""
        return StateFile(self.path / name, self.outcome)

    def outcome(self, path: Path, error: OSError | None) -> None:
        """Take note of how it went to write a file; the first trouble is told, and its end."""
        if error is not None:
            problem = f'{path}: {error.strerror or error}; {_REMEDY}'
            if not self._problems:
                self._complain(problem)
            self._problems[path] = problem
        elif self._problems:
            self._problems.pop(self.path, None)
            self._problems.pop(path, None)
            if not self._problems:
                self._complain(f'{self.path} keeps again what must survive a restart')


class StateFile:
    """A file that is replaced as a whole; its user has the content in memory too."""

    def __init__(self, path: Path, outcome: Callable[[Path, OSError | None], object]) -> None:
        """`outcome` is told how each write went."""
        self.path = path
        self.outcome = outcome

    def read(self) -> str:
        """Return the text, empty if there is none or it cannot be read."""
        try:
            return self.path.read_text(encoding='utf-8', errors='replace')
        except FileNotFoundError:
            return ''
        except OSError as error:
            self.outcome(self.path, error)
            return ''

    def write(self, text: str, *, sync: bool = True) -> bool:
        """Replace the text; whether the disk took it."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(self.path, text, sync=sync)
        except OSError as error:
            self.outcome(self.path, error)
            return False
        self.outcome(self.path, None)
        return True


def write_whole(path: Path, text: str, *, sync: bool = True) -> None:
    """
    Replace a file so that a crash leaves the old one or the new one, never a part.

    With `sync` a power cut does too; that may take as long as the disk likes.
    """
    new = path.with_name(path.name + '.new')
    with new.open('w', encoding='utf-8') as file:
        file.write(text)
        if sync:
            file.flush()
            os.fsync(file.fileno())
    new.replace(path)
