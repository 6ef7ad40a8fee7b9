# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Chat in ROS: ask and wait, talk without waiting, hear what comes unasked.

The documented platform does not say which question an answer belongs to, so one question at a
time is with it and the others wait their turn. Answers come in the order of what was said: a
question that was given up, and what was said on `~/chat/outgoing`, keep their place in that order
for a while, so that a late answer is not taken for that of the next question. It is published as
what comes unasked is.
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
_LATE = 'the platform did not answer in time'
# Messages to be said that may wait for the ROS thread, which has no time for seconds where a
# busy computer starts everything at once.
_UNREAD = 200
_EXCERPT = 60  # characters of a message in the log
# How long an answer may be late, s. A platform that never answers would otherwise have each answer
# taken for that of the question before.
LATEST = 60.0
# Things said that may still be answered; more are answered by nobody.
_MAX_SAID = 100
_MAX_WORDS = 4000  # characters of an answer that did not become whole, in the error that ends it


@dataclass(eq=False)
class _Question:
    text: str
    deadline: float
    reply: Future


@dataclass(eq=False)
class _Said:
    """What the platform has and has not answered: a question, or with None what waits for none."""

    text: str
    until: float
    question: _Question | None = None
    words: str = ''  # pieces of the answer that came so far
    # Whether an answer came meanwhile that was given to what was said before this.
    passed_over: bool = False

    def hear(self, piece: str) -> None:
        """Take a piece of the answer; one that begins after a sentence is parted from it."""
        parted = self.words[-1:] in tuple('.!?…') and piece[:1].strip()
        self.words = (self.words + (' ' if parted else '') + piece)[-_MAX_WORDS:]

    def problem(self, why: str) -> str:
        """Return why there is no answer, with the words of it that came: nobody else gets them."""
        words = self.words.strip()
        return f'{why}; until then it said: {words}' if words else why


class Chat:
    """Service `~/chat`, topics `~/chat/incoming`, `stream` and `outgoing`; on the ROS thread."""

    def __init__(
        self, node: Node, timeout: float, say: Callable[[str, float | None], str]
    ) -> None:
        """
        Take the default timeout, s, and what says a text to the platform.

        `say` takes it and for how many s its answer is of use, None for ever; it returns why it
        cannot, empty if it can.
        """
        self._node = node
        self._timeout = timeout
        self._say = say
        self._waiting: deque[_Question] = deque()
        self._said: deque[_Said] = deque()
        # Its own group: a call that waits would keep the node's other callbacks from running, the
        # one that brings the answer among them.
        service(
            node, ChatService, '~/chat', self._on_chat, callback_group=ReentrantCallbackGroup()
        )
        self._incoming = publisher(node, ChatMessage, '~/chat/incoming', 10)
        self._stream = publisher(node, ChatMessage, '~/chat/stream', 50)
        self._peer_state = publisher(node, String, '~/chat/peer_state', 10)
        self._suggestions = publisher(node, String, '~/chat/suggestions', 10)
        subscription(node, ChatMessage, '~/chat/outgoing', self._on_outgoing, _UNREAD)
        self._timer = timer(node, _POLL_PERIOD, self._poll)
        self._timer.cancel()

    def ask(self, text: str, timeout: float = 0.0) -> Future:
        """Ask when its turn comes, s or 0 for the default; the future gets (reply, error)."""
        question = _Question(text, time.monotonic() + (timeout or self._timeout), Future())
        if len(self._waiting) >= _MAX_WAITING:
            problem = f'{_MAX_WAITING} questions are waiting already; ask later'
            question.reply.set_result(('', problem))
            return question.reply
        self._waiting.append(question)
        if self._timer.is_canceled():  # A reset at each question would put off the next poll.
            self._timer.reset()
        self._ask_next()
        return question.reply

    def reply(self, link: str, text: str) -> None:
        """Take what the platform said: the answer to what it was asked first, else unasked."""
        said = self._next_said()
        if said is None or said.question is None:
            for later in self._said:
                later.passed_over = True
            self.unasked(link, text)
            return
        said.question.reply.set_result((text, ''))
        self._ask_next()

    def failed(self, why: str, text: str | None = None) -> None:
        """Take that the platform refused something or never got it: this text, or the first."""
        refused = next((said for said in self._said if text in (None, said.text)), None)
        if refused is None:
            return
        self._said.remove(refused)
        if refused.question is not None:
            refused.question.reply.set_result(('', refused.problem(why)))
            self._ask_next()

    def acted(self) -> None:
        """Take that the peer answered by a deed what was said first, if nobody waits for words."""
        if self._said and self._said[0].question is None:
            self._said.popleft()

    def unasked(self, link: str, text: str) -> None:
        """Take what somebody said without being asked; of no words there is nothing to hear."""
        if text:
            self._incoming.publish(self._message(link, text, final=True))

    def delta(self, link: str, text: str, final: bool, asked: bool = True) -> None:
        """Take a piece of a reply that is still being made; the whole comes as `reply`."""
        now = time.monotonic()
        first = next((said for said in self._said if now <= said.until), None)
        if asked and first is not None:
            first.hear(text)
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
        response.reply, response.error = await self.ask(request.message, request.timeout)
        response.success = not response.error
        return response

    def _on_outgoing(self, message: ChatMessage) -> None:
        problem = self._say(message.text, None)
        if problem:
            self._node.get_logger().warning(
                f'chat not sent: "{message.text[:_EXCERPT]}": {problem}'
            )
        else:
            self._note(_Said(message.text, time.monotonic() + self._timeout))

    def _ask_next(self) -> None:
        """Ask the question whose turn it is, unless one is with the platform."""
        while self._waiting and not any(said.question for said in self._said):
            question = self._waiting.popleft()
            # Nobody waits for the answer any longer then: it need not be asked.
            problem = self._say(question.text, max(question.deadline - time.monotonic(), 0.0))
            if problem:
                question.reply.set_result(('', problem))
            else:
                self._note(_Said(question.text, question.deadline + LATEST, question))

    def _note(self, said: _Said) -> None:
        self._said.append(said)
        if len(self._said) > _MAX_SAID:
            forgotten = next(said for said in self._said if said.question is None)
            self._said.remove(forgotten)

    def _next_said(self) -> _Said | None:
        """Take what the next answer belongs to."""
        now = time.monotonic()
        while self._said:
            said = self._said.popleft()
            if now <= said.until:
                return said
        return None

    def _poll(self) -> None:
        now = time.monotonic()
        for question in [question for question in self._waiting if now > question.deadline]:
            self._waiting.remove(question)
            question.reply.set_result(('', _LATE))
        for said in list(self._said):
            if said.question is None or now <= said.question.deadline:
                continue
            question, said.question = said.question, None
            if said.passed_over:
                # The answer that was taken for a late one may have been this question's: if it
                # kept its place, each question would get the answer of the one before for ever.
                self._said.remove(said)
            question.reply.set_result(('', said.problem(_LATE)))
        self._ask_next()
        if not self._waiting and not any(said.question for said in self._said):
            self._timer.cancel()
