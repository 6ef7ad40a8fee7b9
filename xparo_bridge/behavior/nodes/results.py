# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Inverter, ForceSuccess, ForceFailure and KeepRunningUntilFailure: another result.

RUNNING and SKIPPED of the child are passed on, except that KeepRunningUntilFailure stays RUNNING
until its child fails.
"""

from __future__ import annotations

from ..node import FAILURE, RUNNING, SUCCESS
from ..status import NodeStatus
from .decorator import Decorator


class _Replace(Decorator):
    on_success = SUCCESS
    on_failure = FAILURE

    def on_tick(self) -> NodeStatus:
        self.set_status(RUNNING)
        status = self.children[0].execute_tick()
        if status is SUCCESS:
            self.reset_child()
            return self.on_success
        if status is FAILURE:
            self.reset_child()
            return self.on_failure
        return status


class Inverter(_Replace):
    """Succeeds if its child fails, and fails if it succeeds."""

    on_success = FAILURE
    on_failure = SUCCESS


class ForceSuccess(_Replace):
    """Succeeds when its child is done."""

    on_failure = SUCCESS


class ForceFailure(_Replace):
    """Fails when its child is done."""

    on_success = FAILURE


class KeepRunningUntilFailure(Decorator):
    """Ticks its child again and again until it fails."""

    def on_tick(self) -> NodeStatus:
        self.set_status(RUNNING)
        status = self.children[0].execute_tick()
        if status is SUCCESS:
            self.reset_child()
        if status is FAILURE:
            self.reset_child()
            return FAILURE
        return RUNNING
