# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kind `resume`: let the robot move again."""

from __future__ import annotations

from ..answers import listed
from ..kind import Kind, settings
from ..run import Run


class Resume(Kind[None]):
    """Lets the robot move again after `stop` or `pause`; what was paused goes on."""

    urgent = True
    settings_schema = settings()

    def start(self, run: Run[None]) -> None:
        was = self.robot.runs.lock.state
        resumed = self.robot.runs.resume()
        run.succeed({'was': was or 'free', **listed('resumed', [other.id for other in resumed])})
