# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Chat's face in ROS: ask and wait, talk without waiting, hear what comes unasked.

The documented platform does not say which question an answer belongs to, so one question at a
time is with it and the others wait their turn; what comes while no question waits is unasked.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
import json
import time

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from rclpy.task import Future
from std_msgs.msg import String
from xparo_interfaces.msg import ChatMessage
from xparo_interfaces.srv import Chat as ChatService

from ...ros.entities import publisher, service, subscription, timer

# Services have no queue of their own; more waiting than this is a runaway client.
_MAX_WAITING = 50
_POLL_PERIOD = 0.05
_EXCERPT = 60  # characters of a message in the log


@dataclass
class _Question:
    text: str
    deadline: float
    reply: Future
    sent: bool = False


class Chat:
    """Service `~/chat`, topics `~/chat/incoming`, `stream` and `outgoing`; on the ROS thread."""

    def __init__(self, node: Node, timeout: float, say: Callable[[str], str]) -> None:
        """
        Take the default timeout, s, and what says a text to the platform.

        `say` returns why it cannot, empty if it can.
        """
        self._node = node
        self._timeout = timeout
        self._say = say
        self._waiting: deque[_Question] = deque()
        # Its own group: a call that waits would keep the node's other callbacks from running, the
        # one that brings the answer among them.
        service(
            node, ChatService, '~/chat', self._on_chat, callback_group=ReentrantCallbackGroup()
        )
        self._incoming = publisher(node, ChatMessage, '~/chat/incoming', 10)
        self._stream = publisher(node, ChatMessage, '~/chat/stream', 50)
        self._peer_state = publisher(node, String, '~/chat/peer_state', 10)
        self._suggestions = publisher(node, String, '~/chat/suggestions', 10)
        subscription(node, ChatMessage, '~/chat/outgoing', self._on_outgoing, 10)
        self._timer = timer(node, _POLL_PERIOD, self._poll)
        self._timer.cancel()

    def ask(self, text: str, timeout: float = 0.0) -> Future:
        """Ask when its turn comes, s or 0 for the default; the future gets (reply, error)."""
        question = _Question(text, time.monotonic() + (timeout or self._timeout), Future())
        self._waiting.append(question)
        self._timer.reset()
        self._ask_next()
        return question.reply

    def reply(self, link: str, text: str) -> None:
        """Take what the platform said: the answer to the question it has, else unasked."""
        if self._waiting and self._waiting[0].sent:
            self._waiting.popleft().reply.set_result((text, ''))
            self._ask_next()
        else:
            self.unasked(link, text)

    def failed(self, why: str) -> None:
        """Take that the platform refused something, or never got it: the question it has."""
        if self._waiting and self._waiting[0].sent:
            self._waiting.popleft().reply.set_result(('', why))
            self._ask_next()

    def unasked(self, link: str, text: str) -> None:
        """Take what somebody said without being asked."""
        self._incoming.publish(self._message(link, text, final=True))

    def delta(self, link: str, text: str, final: bool) -> None:
        """Take a piece of a reply that is still being made; the whole comes as `reply`."""
        self._stream.publish(self._message(link, text, final))

    def peer_state(self, state: str) -> None:
        """Take what the peer is doing before it answers: idle, typing or thinking."""
        self._peer_state.publish(String(data=state))

    def suggest(self, texts: Sequence[str]) -> None:
        """Take what the peer proposes to say next."""
        self._suggestions.publish(String(data=json.dumps(list(texts))))

    def _message(self, link: str, text: str, final: bool) -> ChatMessage:
        return ChatMessage(
            stamp=self._node.get_clock().now().to_msg(), link=link, text=text, final=final
        )

    async def _on_chat(
        self, request: ChatService.Request, response: ChatService.Response
    ) -> ChatService.Response:
        """Answer a service call without holding up the executor."""
        if len(self._waiting) >= _MAX_WAITING:
            response.error = f'{_MAX_WAITING} questions are waiting already; ask later'
            return response
        answer = self.ask(request.message, request.timeout)
        response.reply, response.error = await answer
        response.success = not response.error
        return response

    def _on_outgoing(self, message: ChatMessage) -> None:
        problem = self._say(message.text)
        if problem:
            self._node.get_logger().warning(
                f'chat not sent: "{message.text[:_EXCERPT]}": {problem}'
            )

    def _ask_next(self) -> None:
        while self._waiting and not self._waiting[0].sent:
            question = self._waiting[0]
            problem = self._say(question.text)
            if not problem:
                question.sent = True
                return
            self._waiting.popleft().reply.set_result(('', problem))

    def _poll(self) -> None:
        now = time.monotonic()
        for question in [q for q in self._waiting if now > q.deadline]:
            self._waiting.remove(question)
            question.reply.set_result(('', 'the platform did not answer in time'))
        self._ask_next()
        if not self._waiting:
            self._timer.cancel()
