# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The vocabulary: what the platform side and the robot side say to each other.

`core` is what every link speaks; the other files are subjects that only some links know. All of it
is imported from here.
"""

from typing import get_args

from .conversation import *  # noqa: F403
from .core import *  # noqa: F403
from .core import Control
from .error_code import *  # noqa: F403
from .head import *  # noqa: F403
from .project import *  # noqa: F403
from .project import DeleteSchedule, LogUpdate, SaveAiml, SaveSchedule, TaskHistory, TaskResult
from .speech import *  # noqa: F403

# What must arrive, however late; a word, a gesture or a piece of sound is for now or never.
DURABLE: frozenset[type] = frozenset(
    {
        *get_args(Control),
        TaskResult,
        TaskHistory,
        LogUpdate,
        SaveAiml,
        SaveSchedule,
        DeleteSchedule,
    }
)
