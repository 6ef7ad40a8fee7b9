# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Relays a meeting's signalling between a link and a WebRTC node of the robot, without looking at it.

Topics `~/meet/outgoing` (the node's) and `~/meet/incoming` (the peers'). The rooms the robot is in
are known here, so that each new connection enters them again, but for those that the node left
while there was none.
"""

from __future__ import annotations

import json

from xparo_interfaces.msg import MeetEvent

from ... import messages as msg
from ...json_reader import read_json
from ...ros.entities import publisher, subscription
from ..features import Feature, FeatureContext, Handlers

_MAX_ROOMS = 100


class Meetings(Feature):
    """Relays; on the ROS thread."""

    def __init__(self, context: FeatureContext) -> None:
        self._context = context
        self._rooms: dict[str, msg.MeetJoin] = {}
        self._incoming = publisher(context.node, MeetEvent, '~/meet/incoming', 50)
        subscription(context.node, MeetEvent, '~/meet/outgoing', self._on_outgoing, 50)
        self.handlers = Handlers()
        self.handlers.on(msg.MeetJoin, self._on_join)
        self.handlers.on(msg.MeetLeave, self._on_leave)
        self.handlers.on(msg.MeetSignal, self._on_signal)

    def connected(self, link: str) -> None:
        if link == self._context.roles.meet:
            for join in self._rooms.values():
                self._context.links.send(join, link)

    def _on_join(self, link: str, join: msg.MeetJoin) -> None:
        self._publish(MeetEvent.JOIN, join.room_id, join.participant_name)

    def _on_leave(self, link: str, leave: msg.MeetLeave) -> None:
        self._publish(MeetEvent.LEAVE, leave.room_id, leave.participant)

    def _on_signal(self, link: str, signal: msg.MeetSignal) -> None:
        # Who it is from, where the server says so: whom it is for is this robot.
        participant = signal.sender or signal.target_id
        self._publish(MeetEvent.SIGNAL, signal.room_id, participant, json.dumps(signal.signal))

    def _publish(self, kind: str, room: str, participant: str = '', signal: str = '') -> None:
        self._incoming.publish(
            MeetEvent(type=kind, room_id=room, participant=participant, signal=signal)
        )

    def _on_outgoing(self, event: MeetEvent) -> None:
        try:
            message = _message(event)
            problem = self._send(message)
        except ValueError as error:
            problem = str(error)
        if problem:
            self._context.node.get_logger().warning(f'~/meet/outgoing: not sent: {problem}')

    def _send(self, message: msg.MeetJoin | msg.MeetLeave | msg.MeetSignal) -> str:
        """Send a message; why it cannot be done, empty if it is or will be."""
        link = self._context.roles.meet
        if isinstance(message, msg.MeetJoin):
            if len(self._rooms) >= _MAX_ROOMS and message.room_id not in self._rooms:
                return f'the robot is in {_MAX_ROOMS} rooms already'
            self._rooms[message.room_id] = message
            if not self._context.links.up(link):
                return ''  # It is entered as soon as there is a connection.
        elif isinstance(message, msg.MeetLeave):
            self._rooms.pop(message.room_id, None)
            if not self._context.links.up(link):
                return ''  # The server took the robot out when the connection went.
        return self._context.links.send_now(message, link)


def _message(event: MeetEvent) -> msg.MeetJoin | msg.MeetLeave | msg.MeetSignal:
    if event.type == MeetEvent.JOIN:
        return msg.MeetJoin(event.room_id, event.participant)
    if event.type == MeetEvent.LEAVE:
        return msg.MeetLeave(event.room_id)
    if event.type == MeetEvent.SIGNAL:
        return msg.MeetSignal(event.room_id, event.participant, read_json(event.signal))
    raise ValueError(f'type is join, leave or signal, not "{event.type}"')
