# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A program of the user's own that a run has beside world and bridge: nodes of the robot."""

from __future__ import annotations

from collections.abc import Sequence
import os
from pathlib import Path
import sys

from ..local.children import Child
from .failures import CouldNotStart
from .restartable import Restartable


class Program(Restartable):
    """A program that can be killed and started again; it is in the ROS graph of the run."""

    def __init__(self, name: str, words: Sequence[str], folder: Path, logs: Path) -> None:
        """Take its command line, the folder where it runs, and that of the logs."""
        super().__init__()
        self._name = name
        self._words = words
        self._folder = folder
        self._log = logs / f'{name}.log'

    async def start(self) -> None:
        """
        Start it.

        :raises CouldNotStart: if there is no such program.
        """
        # `python3` is the one with ROS, also where that comes from a virtual environment.
        own = {} if sys.prefix == sys.base_prefix else {'PATH': _path_with_own_programs()}
        try:
            self._child = await Child.start(
                self._name, self._words, log=self._log, env=own, folder=self._folder
            )
        except OSError as error:
            raise CouldNotStart(
                f'program {self._name}: {self._words[0]}: {error.strerror}'
            ) from error
        self.ended_at_will = False


def _path_with_own_programs() -> str:
    return os.pathsep.join((str(Path(sys.executable).parent), os.environ.get('PATH', os.defpath)))
