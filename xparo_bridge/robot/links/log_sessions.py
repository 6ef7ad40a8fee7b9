# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Sends what of the robot's log belongs to the log session of a platform."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, UTC
from typing import Any

from rclpy.node import Node

from ...messages import AskLogSession, LogSession, LogUpdate, Message, Telemetry
from ...ros.entities import timer
from ..telemetry.log import LogRecord, RosoutLog

# What of the telemetry belongs to a session, by the platform's document.
METRICS = ('cpu_usage', 'memory_usage', 'disk_usage')

_LINES = 500  # That are sent before the period is over.
_CHARACTERS = 200_000  # So are these.


class LogSessions:
    """
    The log session of each link; on the ROS thread.

    A session lasts until the link begins another, names none, or the bridge stops. /rosout is
    listened to while there is one. A platform that begins none by itself is asked for one on each
    connection, until it names one.
    """

    def __init__(
        self,
        node: Node,
        settings: Mapping[str, Any],
        send: Callable[[Message, str], object],
        asked: Sequence[str] = (),
    ) -> None:
        """
        Take `telemetry.log` of the configuration, and what sends a message to a link.

        `asked` are the links whose platform wants to be asked for a session.
        """
        self._asked = frozenset(asked)
        self._node = node
        self._period = settings['period']
        self._send = send
        self._rosout = RosoutLog(
            node,
            self._add,
            level=settings['level'],
            rate=settings['rate'],
            burst=settings['burst'],
        )
        self._timer: Any = None
        self._sessions: dict[str, str] = {}
        self._lines: list[str] = []
        self._metrics: dict[str, Any] = {}

    def connected(self, link: str) -> None:
        """Take that a link is up: ask for a session where that is due."""
        if link in self._asked and link not in self._sessions:
            now = datetime.now(UTC).replace(tzinfo=None).isoformat()
            extra = {'event': 'session_start', 'session_start_time': now}
            self._send(AskLogSession(now, extra), link)

    def session(self, link: str, session: LogSession) -> None:
        """Take the session a link is in from now on."""
        if self._sessions.get(link, '') == session.session_id:
            return
        if self._sessions:
            self._flush()
        if session.session_id:
            self._sessions[link] = session.session_id
        else:
            del self._sessions[link]
        if self._sessions and self._timer is None:
            self._timer = timer(self._node, self._period, self._flush)
            self._rosout.start()
        elif not self._sessions:
            self.stop()

    def telemetry(self, telemetry: Telemetry) -> None:
        """Note the metrics among some telemetry; an update carries the newest."""
        if self._sessions:
            self._metrics.update(
                (key, telemetry.values[key]) for key in METRICS if key in telemetry.values
            )

    def stop(self) -> None:
        """Send what there is, and end all sessions."""
        if self._timer is not None:
            self._rosout.stop()
            self._flush()
            self._node.destroy_timer(self._timer)
            self._timer = None
        self._sessions.clear()

    def _add(self, records: Sequence[LogRecord]) -> None:
        self._lines += map(str, records)
        if len(self._lines) >= _LINES or sum(map(len, self._lines)) >= _CHARACTERS:
            self._flush()

    def _flush(self) -> None:
        lines, metrics = self._lines, self._metrics
        self._lines, self._metrics = [], {}
        if lines or metrics:
            for link, session_id in self._sessions.items():
                self._send(LogUpdate(session_id, lines, metrics), link)
