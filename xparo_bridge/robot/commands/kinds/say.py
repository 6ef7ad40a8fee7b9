# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kind `say`: text for whatever on the robot speaks, as std_msgs/String."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from std_msgs.msg import String

from ....messages import ErrorCode
from ....ros.entities import publisher
from ..kind import Kind, Robot, Schema, settings
from ..run import Run


class Say(Kind[None]):
    """Succeeds when the text is handed over; fails if nobody listens."""

    settings_schema = settings(
        {
            'topic': {
                'description': 'Where the speaking node listens',
                'type': 'string',
                'default': '~/say',
            },
            'max_length': {
                'description': 'Longest text, characters',
                'type': 'integer',
                'minimum': 1,
                'default': 1000,
            },
        }
    )

    def __init__(self, name: str, settings: Mapping[str, Any], robot: Robot) -> None:
        super().__init__(name, settings, robot)
        self._publisher = publisher(robot.node, String, settings['topic'], 10)

    @classmethod
    def parameters_schema(cls, settings: Mapping[str, Any]) -> Schema:
        return {
            'type': 'object',
            'additionalProperties': False,
            'required': ['text'],
            'properties': {
                'text': {
                    'type': 'string',
                    'minLength': 1,
                    'maxLength': settings['max_length'],
                    'description': 'what to say',
                }
            },
        }

    def start(self, run: Run[None]) -> None:
        if self._publisher.get_subscription_count() == 0:
            run.fail(ErrorCode.NOBODY_SPEAKS, f'nobody listens to {self._publisher.topic_name}')
            return
        self._publisher.publish(String(data=run.parameters['text']))
        run.succeed()
