# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Starts the guard, gives it what to publish, and knows whether it does.

docs/architecture.md says why velocities go through a process of their own.
"""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import time
from typing import Any

from rclpy.node import Node

from ...guard.records import Order, Report, TWIST, TWIST_STAMPED, What
from ...ros import velocity
from ...ros.velocity import Velocity
from ...ros.velocity_topic import enclave, VelocityTopic

# How long an order may stay without a report while somebody drives, s.
_ANSWER_TIMEOUT = 0.4
# And at rest, where a busy machine may have it wait and nothing depends on it, s.
_REST_TIMEOUT = 5.0
# From then on the bridge publishes zeros as well, s.
_SLOW_ANSWER = 0.08
# Until it is started again, s: the first time, and at most.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0
# How long it may take to be there, s; on a quiet machine it takes a third of a second.
_START_TIMEOUT = 60.0
# How long the bridge waits for its end when it ends itself, s.
_END_TIMEOUT = 1.5
_TYPES = {velocity.TWIST: TWIST, velocity.TWIST_STAMPED: TWIST_STAMPED}


class GuardProcess:
    """
    The guard of the topics that somebody drives on; lives on the ROS thread.

    `check` is to be called each second, and whenever it matters: it reads the guard's reports, and
    starts another guard when this one is gone or does not answer.
    """

    def __init__(self, node: Node, topics: list[VelocityTopic], stand_for: float) -> None:
        """Start it for topics; `stand_for` is how long it tells them to stand, s."""
        self._node = node
        self._topics = topics
        self._stand_for = stand_for
        self._logger = node.get_logger().get_child('guard')
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._report: Report | None = None
        self._types: list[int] = []
        self._killed: list[subprocess.Popen[bytes]] = []
        self._number = self._probe = 0
        self._unanswered_since: float | None = None
        self._started_at = 0.0
        self._pause = _FIRST_PAUSE
        self._start_at = 0.0
        self._start()

    @property
    def pid(self) -> int | None:
        """Id of the process, None while there is none."""
        return self._process.pid if self._process else None

    @property
    def ready(self) -> bool:
        """Whether it publishes what it is given."""
        return self._report is not None

    @property
    def age(self) -> float:
        """How long it has been there, s."""
        return time.monotonic() - self._started_at

    def problem(self) -> str | None:
        """Say why nothing can be published by it, None if it can."""
        if self.ready:
            return None
        if self._process is not None:
            return 'the process that guards the base is starting'
        return 'the process that guards the base ended; it is started again'

    def matched(self, topic: VelocityTopic) -> int:
        """How many subscriptions of a topic hear it."""
        return self._report.topics[self._topics.index(topic)][1] if self._report else 0

    def wait_ready(self, timeout: float) -> bool:
        """Wait until it is ready; for the start of the bridge, when nothing else waits."""
        end = time.monotonic() + timeout
        while not self.ready and self._socket is not None:
            # Not by a timeout of the socket: it would stay, and the next read be taken for a loss.
            polled = select.poll()
            polled.register(self._socket, select.POLLIN)
            if not polled.poll(max(0.0, end - time.monotonic()) * 1000):
                break
            self._read()
        self.check()
        return self.ready

    def drive(self, topic: VelocityTopic, velocity: Velocity, until: float) -> bool:
        """Have a velocity published that holds until then; whether the guard is there to do it."""
        self.check(_ANSWER_TIMEOUT)
        order = self._order(What.DRIVE, topic, velocity=(velocity.x, velocity.y, velocity.turn))
        return self.ready and self._send(order, until)

    def stand(self, topic: VelocityTopic, seconds: float) -> bool:
        """Have zeros published, at once and for a time; whether they are sure to come."""
        if self._socket is None:
            return False
        self._read()
        sent = self._send(self._order(What.STAND, topic), seconds)
        self._number_answered()
        since = self._unanswered_since
        return (
            sent
            and self.ready
            and self.matched(topic) >= topic.matched
            and (since is None or time.monotonic() - since < _SLOW_ANSWER)
        )

    def check(self, patience: float = _REST_TIMEOUT) -> None:
        """Read its reports, keep its types, and start it again if it is gone or silent."""
        # The kernel may take a while to end a process that waits for a disk; none stays a zombie.
        self._killed = [process for process in self._killed if process.poll() is None]
        self._read()
        if self._process is None:
            if time.monotonic() >= self._start_at:
                self._start()
            return
        self._number_answered()
        if self._unanswered_since is not None:
            if time.monotonic() - self._unanswered_since > patience:
                self._lose('it does not answer')
                return
        if not self.ready and self.age > _START_TIMEOUT:
            self._lose(f'it was not ready within {_START_TIMEOUT:g} s')
            return
        for at, topic in enumerate(self._topics):
            types = sum(_TYPES[kind] for kind in topic.types)
            if self._process is not None and types != self._types[at]:
                self._types[at] = types
                self._send(self._order(What.TYPES, topic, types=types), 0.0)

    def close(self) -> None:
        """Let it go: it ends by itself, after the zeros that are due."""
        if self._socket is not None:
            self._socket.close()
        if self._process is not None:
            try:
                self._process.wait(_END_TIMEOUT)
            except subprocess.TimeoutExpired:
                self._process.returncode = 0  # Not ours any more, so subprocess need not complain.
        self._socket = self._process = self._report = None
        self._start_at = float('inf')

    # --- inside ---

    def _order(self, what: What, topic: VelocityTopic, **content: Any) -> Order:
        self._number += 1
        return Order(what, self._topics.index(topic), self._number, **content)

    def _send(self, order: Order, until: float) -> bool:
        now = self._node.get_clock().now().nanoseconds
        simulated = self._node.get_clock().ros_time_is_active
        order = Order(
            order.what,
            order.topic,
            order.number,
            order.types,
            order.velocity,
            until,
            time.monotonic(),
            max(1, now) if simulated else 0,
        )
        if self._socket is None:
            return False
        try:
            self._socket.send(order.pack())
        except OSError as error:  # Also a buffer that it does not empty.
            self._lose(f'it takes no orders: {error.strerror}')
            return False
        if self._unanswered_since is None and self.ready:
            self._unanswered_since, self._probe = time.monotonic(), order.number
        return True

    def _read(self) -> None:
        while self._socket is not None:
            try:
                data = self._socket.recv(1024)
            except BlockingIOError:
                return
            except OSError as error:
                self._lose(str(error.strerror))
                return
            self._on_data(data)

    def _on_data(self, data: bytes) -> None:
        if not data:
            self._lose('it ended')
            return
        try:
            report = Report.unpack(data)
        except ValueError as error:
            self._lose(str(error))
            return
        if not self.ready:
            self._logger.debug(f'the guard is there, process {self.pid}')
        self._report = report

    def _number_answered(self) -> None:
        if self._report is not None and self._report.number >= self._probe:
            self._unanswered_since = None
            self._pause = _FIRST_PAUSE

    def _start(self) -> None:
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._types = [sum(_TYPES[kind] for kind in topic.types) for topic in self._topics]
        settings = {
            'parent': os.getpid(),
            'node': f'{self._node.get_name()}_guard',
            'namespace': self._node.get_namespace(),
            'domain': self._node.context.get_domain_id(),
            'enclave': enclave(self._node),
            'topics': [
                (topic.name, topic.frame, types)
                for topic, types in zip(self._topics, self._types, strict=True)
            ],
            'stand_for': self._stand_for,
        }
        command = [sys.executable, '-P', '-m', 'xparo_bridge.guard']
        self._report = None
        self._unanswered_since = None
        self._number = self._probe = 0
        self._started_at = time.monotonic()
        with its:
            try:
                self._process = subprocess.Popen(
                    [*command, str(its.fileno()), json.dumps(settings)],
                    stdin=subprocess.DEVNULL,
                    pass_fds=[its.fileno()],
                    # What was given to this process to find its modules by.
                    env={**os.environ, 'PYTHONPATH': os.pathsep.join(filter(None, sys.path))},
                    # A terminal's Ctrl-C and Ctrl-Z are for the bridge alone.
                    start_new_session=True,
                )
            except OSError as error:
                ours.close()
                self._retry(f'it could not be started: {error.strerror}')
                return
        ours.setblocking(False)
        self._socket = ours

    def _lose(self, why: str) -> None:
        """Take that it serves no more, and start it again later."""
        if self._socket is not None:
            self._socket.close()
        if self._process is not None:
            self._process.kill()
            self._killed.append(self._process)
        self._socket = self._process = self._report = None
        self._retry(why)

    def _retry(self, why: str) -> None:
        self._unanswered_since = None
        self._start_at = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        self._logger.error(f'the process that guards the base is lost: {why}; starting another')
