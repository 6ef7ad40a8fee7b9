# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What the bridge keeps over restarts; imports neither links nor anything of the robot."""

from __future__ import annotations

from .queue import Queue
from .state import State, state_path, StateInUse
from .table import Mirror, NoRoom, Table
from .writer import Writer

__all__ = [
    'Mirror',
    'NoRoom',
    'Queue',
    'State',
    'StateInUse',
    'state_path',
    'Table',
    'Writer',
]
