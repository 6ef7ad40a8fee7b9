# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""How a run can go wrong: it does not start, or it is not as expected."""

from __future__ import annotations

from ..errors import NotNow


class Failed(NotNow):
    """An expectation was not met, or a step could not be played."""


class CouldNotStart(NotNow):
    """The world, or a part of the run, did not come up."""
