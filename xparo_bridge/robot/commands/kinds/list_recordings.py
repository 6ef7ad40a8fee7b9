# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kind `list_recordings`: what was frozen of the black box."""

from __future__ import annotations

from ....messages import ErrorCode
from ...black_box.access import Access, OFF
from ..answers import listed
from ..kind import Kind, settings
from ..run import Run


class ListRecordings(Kind[None]):
    """Result: `recordings`, newest first: name, reasons, begin, end, messages, bytes."""

    asks = True

    settings_schema = settings()

    def start(self, run: Run[None]) -> None:
        found = Access.of(self.robot.node).recordings()
        if found is None:
            run.fail(ErrorCode.NOT_RECORDING, OFF)
        else:
            run.succeed(listed('recordings', list(found)))
