# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Controls a head: whom it looks at, what its face does, its LED and its voice.

Services `~/head/gesture`, `~/head/set_face`, `~/head/set_voice` and `~/head/system`; topics in
`~/head/attend_user` (`closest`, an id, or empty for nobody), `~/head/attend_location`,
`~/head/pose`, `~/head/led` and `~/head/volume` (0 to 100). What the head sees is in perception.py.
"""

from __future__ import annotations

import json
import math
from typing import Any
from uuid import uuid4

from geometry_msgs.msg import PointStamped, Vector3
from rclpy.callback_groups import ReentrantCallbackGroup
from std_msgs.msg import ColorRGBA, String, UInt8
from std_srvs.srv import Trigger
from xparo_interfaces.srv import Gesture, SetFace, SetVoice

from ... import messages as msg
from ...ros.entities import publisher, service, subscription
from ..features import Feature, FeatureContext, Handlers
from ..links.replies import Replies

# The link ends what the head does not answer sooner, s; a gesture's own time is added to it.
_TIMEOUT = 8.0
_SWITCH = {'': None, 'on': True, 'off': False}


class Head(Feature):
    """The head that `routes.head` names; on the ROS thread."""

    def __init__(self, context: FeatureContext) -> None:
        node = context.node
        self._context = context
        self._logger = node.get_logger()
        self._frame = context.configuration['head']['frame']
        self._replies = Replies(node)
        self.handlers = handlers = Handlers()
        handlers.on(msg.GestureState, self._on_gesture)
        handlers.on(msg.Attention, self._on_attention)
        handlers.on(msg.Faces, self._on_answer)
        handlers.on(msg.Voices, self._on_answer)
        handlers.on(msg.SystemState, self._on_answer)
        handlers.on(msg.Access, self._on_access)
        handlers.on(msg.PeerError, self._on_error)
        handlers.on(msg.LinkProblem, self._on_problem)
        self._attention = publisher(node, String, '~/head/attention')
        subscription(node, String, '~/head/attend_user', self._attend_user)
        subscription(node, PointStamped, '~/head/attend_location', self._attend_location)
        subscription(node, Vector3, '~/head/pose', self._turn)
        subscription(node, ColorRGBA, '~/head/led', self._light)
        subscription(node, UInt8, '~/head/volume', self._set_volume)
        for kind, name, callback in (
            (Gesture, 'gesture', self._make_gesture),
            (SetFace, 'set_face', self._set_face),
            (SetVoice, 'set_voice', self._set_voice),
            (Trigger, 'system', self._describe_system),
        ):
            service(
                node, kind, f'~/head/{name}', callback, callback_group=ReentrantCallbackGroup()
            )

    def _send(self, message: Any) -> str:
        problem = self._context.links.send_now(message, self._context.roles.head)
        if problem:
            self._logger.warning(f'head: {problem}', throttle_duration_sec=5.0)
        return problem

    async def _ask(self, message: Any, seconds: float = _TIMEOUT) -> tuple[Any, str]:
        """Answer to a message with a request_id, or why there is none."""
        problem = self._send(message)
        if problem:
            return None, problem
        answer = await self._replies.expect(message.request_id, seconds)
        if answer is None:
            return None, 'the head did not answer in time'
        if isinstance(answer, msg.PeerError):
            return None, answer.text
        return answer, ''

    def _on_access(self, link: str, access: msg.Access) -> None:
        self._logger.info(f'{link}: let in from {access.scope or "an unnamed scope"}')

    def _on_problem(self, link: str, problem: msg.LinkProblem) -> None:
        """Take that a message was not sent: whoever waits for its answer hears so."""
        request_id = getattr(problem.message, 'request_id', '')
        if request_id:
            error = msg.PeerError(msg.PeerErrorCode.OTHER, problem.problem, request_id)
            self._replies.arrived(request_id, error)

    def _set_volume(self, volume: UInt8) -> None:
        if volume.data <= 100:
            self._send(msg.SetVolume(volume.data))
        else:
            self._logger.warning(f'~/head/volume: {volume.data}, expected 0 to 100')

    def _on_answer(self, link: str, answer: Any) -> None:
        self._replies.arrived(answer.request_id, answer)

    def _on_error(self, link: str, error: msg.PeerError) -> None:
        if error.request_id:
            self._replies.arrived(error.request_id, error)

    def _on_gesture(self, link: str, gesture: msg.GestureState) -> None:
        if not gesture.active:
            self._replies.arrived(gesture.request_id, gesture)

    def _on_attention(self, link: str, attention: msg.Attention) -> None:
        self._attention.publish(
            String(data=json.dumps({'target': attention.target, 'current': attention.current}))
        )

    def _attend_user(self, user: String) -> None:
        self._send(msg.AttendUser(user.data) if user.data else msg.AttendNobody())

    def _attend_location(self, at: PointStamped) -> None:
        point = at.point
        if at.header.frame_id not in ('', self._frame):
            self._logger.warning(
                f'~/head/attend_location: frame {at.header.frame_id}, expected {self._frame}'
            )
        elif not all(map(math.isfinite, (point.x, point.y, point.z))):
            self._logger.warning('~/head/attend_location: not a place')
        else:
            self._send(msg.AttendLocation(point.x, point.y, point.z))

    def _turn(self, angles: Vector3) -> None:
        if all(map(math.isfinite, (angles.x, angles.y, angles.z))):
            self._send(msg.HeadPose(roll=angles.x, pitch=angles.y, yaw=angles.z))

    def _light(self, color: ColorRGBA) -> None:
        try:
            parts = [
                round(255 * min(max(part * color.a, 0.0), 1.0))
                for part in (color.r, color.g, color.b)
            ]
        except ValueError:  # NaN
            return
        self._send(msg.Led('#{:02x}{:02x}{:02x}'.format(*parts)))

    async def _make_gesture(self, request: Any, response: Any) -> Any:
        duration = request.duration or 1.0
        made, response.error = await self._ask(
            msg.Gesture(
                request.name,
                request.intensity or 1.0,
                duration,
                monitor=True,
                request_id=str(uuid4()),
            ),
            _TIMEOUT + duration,
        )
        if made is not None:
            response.error = made.error
        response.success = not response.error
        return response

    async def _set_face(self, request: Any, response: Any) -> Any:
        switches = (request.visibility, request.microexpressions)
        if len(request.parameters) != len(request.values):
            response.error = (
                f'{len(request.parameters)} parameters and {len(request.values)} '
                'values, expected as many'
            )
            return response
        if not all(switch in _SWITCH for switch in switches):
            response.error = 'visibility and microexpressions are on, off or empty'
            return response
        if request.reset:
            self._send(msg.ResetFace())
        if request.face_id or any(switches):
            self._send(msg.FaceConfig(request.face_id or None, *map(_SWITCH.get, switches)))
        if request.parameters:
            self._send(msg.FaceParams(dict(zip(request.parameters, request.values, strict=True))))
        faces, response.error = await self._ask(msg.AskFace(str(uuid4())))
        if faces is not None:
            response.face_id, response.available = faces.current, list(faces.available)
        response.success = faces is not None
        return response

    async def _set_voice(self, request: Any, response: Any) -> Any:
        voice = {
            key: getattr(request, key)
            for key in ('voice_id', 'name', 'gender', 'language', 'provider')
        }
        if any(voice.values()):
            self._send(msg.ChooseVoice(**voice))
        voices, response.error = await self._ask(msg.AskVoices(str(uuid4())))
        if voices is not None:
            response.voice_id = voices.current
            response.available = [json.dumps(voice) for voice in voices.available]
        response.success = voices is not None
        return response

    async def _describe_system(self, request: Any, response: Any) -> Any:
        system, response.message = await self._ask(msg.AskSystem(str(uuid4())))
        if system is not None:
            response.message = json.dumps({'volume': system.volume, 'virtual': system.virtual})
        response.success = system is not None
        return response
