# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The vocabulary: what the platform side and the robot side say to each other.

`core` is what every link speaks; the other files are subjects that only some links know. All of it
is imported from here.
"""

from .conversation import *  # noqa: F403
from .core import *  # noqa: F403
from .head import *  # noqa: F403
from .project import *  # noqa: F403
from .speech import *  # noqa: F403
