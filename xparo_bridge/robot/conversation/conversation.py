# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Joins chat, and speech, listening and sound where a link has them, to the robot's nodes."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

from std_msgs.msg import Bool

from ... import messages as msg
from ...ros.entities import subscription, timer
from ..features import Feature, FeatureContext, Handlers
from .chat import Chat

# Most links carry text alone; what speaks and listens is loaded where it is made.
if TYPE_CHECKING:
    from .audio_speech import VoiceStream
    from .audio_topics import Audio
    from .listening import Listener
    from .speaking import Voice

# How long to wait before a head that stopped listening by itself listens again, s.
_RELISTEN_DELAY = 1.0


class Conversation(Feature):
    """Joins what is said and heard to the links of the routes."""

    def __init__(self, context: FeatureContext) -> None:
        """Make what the links need."""
        node, configuration, links = context.node, context.configuration, context.links
        self._links = links
        self._roles = context.roles
        self._listener: Listener | None = None
        self._voice: Voice | None = None
        self._audio: Audio | None = None
        self._voice_stream: VoiceStream | None = None
        self._listen_again = timer(node, _RELISTEN_DELAY, self._start_listening)
        self._listen_again.cancel()
        self._chat = Chat(
            node,
            configuration['chat']['timeout'],
            lambda text, good_for: self._send(
                msg.ChatRequest(text, context.robot_id, good_for=good_for),
                self._roles.chat,
                'no link carries chat',
            ),
        )
        self.handlers = handlers = Handlers()
        handlers.on(msg.ChatReply, self._on_chat_reply)
        handlers.on(msg.ChatDelta, self._on_chat_delta)
        handlers.on(msg.PeerError, self._on_peer_error)
        handlers.on(msg.LinkProblem, self._on_problem)
        handlers.on(
            msg.PeerActivity, lambda link, activity: self._chat.peer_state(activity.state.value)
        )
        handlers.on(msg.Suggestions, lambda link, offered: self._chat.suggest(offered.texts))
        # A bot runs tools of the robot in the course of a conversation, instead of words.
        self._bots = links.that_carry(msg.Typing)
        if self._bots:
            handlers.on(msg.RemoteCommand, self._on_tool)
            subscription(node, Bool, '~/chat/typing', self._on_typing)
        if links.that_carry(msg.Say):
            from .speaking import Voice

            self._voice = Voice(
                node,
                lambda message, link: self._send(
                    message, link or self._roles.speech, 'no link speaks'
                ),
            )
            handlers.on(msg.SpeechStarted, self._voice.started)
            handlers.on(msg.SpeechWord, self._voice.word)
            handlers.on(msg.SpeechEnded, self._voice.ended)
        if links.that_carry(msg.Listen, msg.AudioFrame):
            from .listening import Listener

            self._listener = Listener(
                node,
                self._chat,
                self._speak,
                self._roles.speech,
                lambda message: self._send(message, self._roles.speech, 'no link listens'),
                **configuration['speech'],
            )
            handlers.on(msg.Heard, self._listener.heard)
            handlers.on(msg.Listening, self._on_listening)
        if links.that_carry(msg.AudioFrame):
            from .audio_topics import Audio

            self._audio = Audio(
                node,
                configuration['audio']['rate'],
                lambda frame: self._send(
                    frame, self._roles.microphone, 'no link hears the microphone'
                ),
                self._capture,
            )
            handlers.on(msg.AudioFrame, self._audio.frame)
            handlers.on(msg.ClearAudio, self._on_clear)
        speaker = self._roles.speech
        if self._voice is not None and speaker in links.that_carry(msg.SpeakAudio):
            from .audio_speech import VoiceStream

            self._voice_stream = VoiceStream(
                node,
                configuration['audio']['rate'],
                self._voice,
                lambda message: links.send_now(message, speaker),
            )

    def connected(self, link: str) -> None:
        if link == self._roles.speech:
            self._start_listening()
        if link == self._roles.head:
            self._capture()

    def lost(self, link: str) -> None:
        if self._voice is not None:
            self._voice.lost(link, speaks=link == self._roles.speech)

    def _start_listening(self) -> None:
        self._listen_again.cancel()
        link = self._roles.speech
        if self._listener is not None and self._links.up(link):
            for message in self._listener.start_messages():
                self._links.send(message, link)

    def _on_listening(self, link: str, listening: msg.Listening) -> None:
        if link == self._roles.speech and not listening.active:
            self._listen_again.reset()

    def _send(self, message: Any, link: str, without: str) -> str:
        return self._links.send_now(message, link) if link else without

    def _capture(self) -> None:
        if self._audio is not None and self._links.up(self._roles.head):
            self._links.send(self._audio.capture(), self._roles.head)

    def _speak(self, text: str) -> None:
        if self._voice is not None:
            from .speaking import Speech

            self._voice.say(Speech(msg.Say(text, words=True)))

    def _on_clear(self, link: str, clear: msg.ClearAudio) -> None:
        if self._audio is not None:
            self._audio.clear(link, clear)
        if self._voice_stream is not None:
            self._voice_stream.clear()

    def _on_typing(self, typing: Bool) -> None:
        self._links.send(msg.Typing(typing.data), self._roles.chat)

    def _on_peer_error(self, link: str, error: msg.PeerError) -> None:
        # One with a request_id answers what somebody else asked.
        if link == self._roles.chat and not error.request_id:
            self._chat.failed(error.text)

    def _on_problem(self, link: str, problem: msg.LinkProblem) -> None:
        """Take that a message was not sent: whoever waits for what comes of it hears so."""
        message = problem.message
        if isinstance(message, msg.ChatRequest) and link == self._roles.chat:
            self._chat.failed(problem.problem, message.text)
        elif isinstance(message, (msg.Say, msg.PlayUrl, msg.SpeakAudio)) and self._voice:
            end = msg.SpeechEnded('', message.say_id, failed=True, error=problem.problem)
            self._voice.ended(link, end)

    def _on_tool(self, link: str, command: msg.RemoteCommand) -> None:
        if link == self._roles.chat and link in self._bots:
            self._chat.acted()

    def _on_chat_delta(self, link: str, delta: msg.ChatDelta) -> None:
        asked = link == self._roles.chat and not delta.unasked
        self._chat.delta(link, delta.text, delta.final, asked)
        if delta.error and asked:
            self._chat.failed(delta.error)

    def _on_chat_reply(self, link: str, reply: msg.ChatReply) -> None:
        if link == self._roles.chat and not reply.unasked:
            self._chat.reply(link, reply.text)
        else:
            self._chat.unasked(link, reply.text)
