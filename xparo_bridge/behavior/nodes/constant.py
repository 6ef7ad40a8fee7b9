# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""AlwaysSuccess and AlwaysFailure: leaves with a fixed result."""

from __future__ import annotations

from ..leaves import SyncAction
from ..node import FAILURE, SUCCESS
from ..status import NodeStatus


class AlwaysSuccess(SyncAction):
    """Succeeds."""

    def on_tick(self) -> NodeStatus:
        return SUCCESS


class AlwaysFailure(SyncAction):
    """Fails."""

    def on_tick(self) -> NodeStatus:
        return FAILURE
