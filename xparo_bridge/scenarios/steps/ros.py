# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Steps among the robot's own topics and services, and waiting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ...ros.fields import load_type, UnknownType
from ...ros.values import plain
from ..document import Part
from ..failures import Failed
from ..given import Context
from ..matching import differs
from ..quantities import DURATION
from ..stage import Stage
from .base import Step


@dataclass(kw_only=True)
class Wait(Step):
    """`wait: 5 s`."""

    name: ClassVar[str] = 'wait'
    acts: ClassVar[bool] = False
    seconds: float

    @classmethod
    def read(cls, part: Part, context: Context) -> Wait:
        return cls(seconds=part.quantity(DURATION))

    async def play(self, stage: Stage) -> None:
        await stage.timeline.sleep(self.seconds)


def read_type(part: Part) -> str:
    """Return the name of an installed type of ROS."""
    try:
        load_type(part.text())
    except UnknownType as error:
        part.refuse(str(error))
    return part.text()


@dataclass(kw_only=True)
class Publish(Step):
    """`publish: {topic: /door, type: std_msgs/msg/Bool, message: {data: true}}`."""

    name: ClassVar[str] = 'publish'
    topic: str
    type_name: str
    message: Any

    @classmethod
    def read(cls, part: Part, context: Context) -> Publish:
        part.map(('topic', 'type', 'message'), required=('topic', 'type'))
        message = part['message'].map().value if 'message' in part else {}
        return cls(topic=part['topic'].text(), type_name=read_type(part['type']), message=message)

    async def play(self, stage: Stage) -> None:
        await stage.ros.publish(self.topic, self.type_name, self.message)


@dataclass(kw_only=True)
class Call(Step):
    """`call: {service: /lights, type: std_srvs/srv/SetBool, request: …, response: …}`."""

    name: ClassVar[str] = 'call'
    service: str
    type_name: str
    request: Any
    response: Any

    @classmethod
    def read(cls, part: Part, context: Context) -> Call:
        part.map(('service', 'type', 'request', 'response'), required=('service', 'type'))
        return cls(
            service=part['service'].text(),
            type_name=read_type(part['type']),
            request=part['request'].map().value if 'request' in part else {},
            response=part['response'].map().value if 'response' in part else {},
        )

    async def play(self, stage: Stage) -> None:
        kind: Any = load_type(self.type_name)
        request = stage.ros.fill(kind.Request, self.request)
        response = plain(await stage.ros.call(self.service, kind, request))
        problem = differs(response, self.response)
        if problem:
            raise Failed(f'{self.service} responded otherwise: {problem}')


STEPS = (Wait, Publish, Call)
