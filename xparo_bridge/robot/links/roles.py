# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Choose which link does what: the configuration's choice, else the first link that can."""

from __future__ import annotations

from collections.abc import Mapping

from ...configuration import Configuration
from ...messages import AudioFrame, ChatRequest, Gesture, MeetJoin, Say, SpeakAudio

# What a link must carry to be the one; a voice takes sound too, but does not listen to it.
_KINDS: dict[str, tuple[type, type | None]] = {
    'chat': (ChatRequest, None),
    'speech': (Say, None),
    'microphone': (AudioFrame, SpeakAudio),
    'head': (Gesture, None),
    'meet': (MeetJoin, None),
}


class LinkRoles:
    """The links by what they are for; '' where none can."""

    def __init__(
        self, configuration: Configuration, carriers: Mapping[str, frozenset[type]]
    ) -> None:
        """Take what each link carries; ConfigurationError for a route that leads nowhere."""
        routes = configuration['routes']
        for name in (
            *(routes[kind] for kind in _KINDS if kind in routes),
            *routes.get('commands', ()),
        ):
            if name not in carriers:
                configuration.refuse(
                    ('routes',), f'no link "{name}"; links: {", ".join(carriers)}'
                )
        found = {}
        for kind, (message, other) in _KINDS.items():
            can = [
                name
                for name, carried in carriers.items()
                if message in carried and other not in carried
            ]
            found[kind] = routes.get(kind) or next(iter(can), '')
            if found[kind] and found[kind] not in can:
                configuration.refuse(
                    ('routes', kind),
                    f'link {found[kind]} cannot; those that can: {", ".join(can) or "none"}',
                )
        self.chat = found['chat']
        self.speech = found['speech']
        self.microphone = found['microphone']
        self.head = found['head']
        self.meet = found['meet']
        self._commands = set(routes.get('commands', carriers))

    def may_command(self, link: str) -> bool:
        """Whether a link may command the robot."""
        return link in self._commands
