# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kind `freeze_recording`: keep what the black box has of the last minutes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....messages import ErrorCode
from ...black_box.access import Access
from ..kind import Kind, Schema, settings
from ..run import Run


class FreezeRecording(Kind[None]):
    """Result: `recording`, its name; it is listed some seconds later, when it is whole."""

    settings_schema = settings()

    @classmethod
    def parameters_schema(cls, settings: Mapping[str, Any]) -> Schema:
        reason = {
            'type': 'string',
            'maxLength': 500,
            'default': '',
            'description': 'why, for whoever looks at it later',
        }
        return {
            'type': 'object',
            'additionalProperties': False,
            'properties': {'reason': reason},
        }

    def start(self, run: Run[None]) -> None:
        name, problem = Access.of(self.robot.node).freeze(run.parameters['reason'])
        if name:
            run.succeed({'recording': name})
        else:
            run.fail(ErrorCode.NOT_RECORDING, problem)
