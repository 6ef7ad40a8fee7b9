# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
A meeting's signalling between a link and a WebRTC node of the robot; not looked into.

Topics `~/meet/outgoing` (the node's) and `~/meet/incoming` (the peers').
"""

from __future__ import annotations

import json
from typing import Any

from xparo_interfaces.msg import MeetEvent

from ... import messages as msg
from ...json_reader import read_json
from ...ros.entities import publisher, subscription
from ..features import Feature, FeatureContext


class Meetings(Feature):
    """Relays; on the ROS thread."""

    def __init__(self, context: FeatureContext) -> None:
        self._context = context
        self._incoming = publisher(context.node, MeetEvent, '~/meet/incoming', 50)
        subscription(context.node, MeetEvent, '~/meet/outgoing', self._on_outgoing, 50)
        self.handlers = {
            msg.MeetJoin: lambda link, join: self._tell(
                MeetEvent.JOIN, join.room_id, join.participant_name
            ),
            msg.MeetLeave: lambda link, leave: self._tell(MeetEvent.LEAVE, leave.room_id),
            msg.MeetSignal: lambda link, signal: self._tell(
                MeetEvent.SIGNAL, signal.room_id, signal.target_id, json.dumps(signal.signal)
            ),
        }

    def _tell(self, kind: str, room: str, participant: str = '', signal: str = '') -> None:
        self._incoming.publish(
            MeetEvent(type=kind, room_id=room, participant=participant, signal=signal)
        )

    def _on_outgoing(self, event: MeetEvent) -> None:
        try:
            message = _message(event)
        except ValueError as error:
            problem = str(error)
        else:
            problem = self._context.links.send_now(message, self._context.roles.meet)
        if problem:
            self._context.node.get_logger().warning(f'~/meet/outgoing: not sent: {problem}')


def _message(event: MeetEvent) -> Any:
    if event.type == MeetEvent.JOIN:
        return msg.MeetJoin(event.room_id, event.participant)
    if event.type == MeetEvent.LEAVE:
        return msg.MeetLeave(event.room_id)
    if event.type == MeetEvent.SIGNAL:
        return msg.MeetSignal(event.room_id, event.participant, read_json(event.signal))
    raise ValueError(f'type is join, leave or signal, not "{event.type}"')
