# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does the guard, a real process, have the base stand whatever becomes of the other end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time

from fixtures.ros_graph import RosGraph
from geometry_msgs.msg import Twist, TwistStamped
import pytest

from xparo_bridge.guard.records import Order, Report, TWIST, TWIST_STAMPED, What

STAND_FOR = 0.4


class Guarded:
    """The other end of a guard's socket, and a base that hears what it publishes."""

    def __init__(self, graph, kind=Twist, types=TWIST):
        self.graph = graph
        self.received = []
        graph.node.create_subscription(kind, '/cmd_vel', self._hear, 100)
        self.bridge, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.bridge.setblocking(False)
        settings = {
            'parent': os.getpid(),
            'node': 'guard',
            'namespace': '/',
            'domain': graph.node.context.get_domain_id(),
            'enclave': '/',
            'topics': [('/cmd_vel', 'base_link', types)],
            'stand_for': STAND_FOR,
        }
        with its:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, '-m', 'xparo_bridge.guard'),
                    *(str(its.fileno()), json.dumps(settings)),
                ],
                pass_fds=[its.fileno()],
                stderr=subprocess.PIPE,
                text=True,
            )
        self.number = 0
        self.report = Report(0, ())
        graph.until(lambda: self.read().topics and self.report.topics[0][1] > 0)

    def _hear(self, message):
        twist = getattr(message, 'twist', message)
        self.received.append((time.monotonic(), twist.linear.x))

    def read(self):
        try:
            while data := self.bridge.recv(1024):
                self.report = Report.unpack(data)
        except (BlockingIOError, ConnectionResetError):
            pass
        return self.report

    def order(self, what=What.DRIVE, until=0.5, **content):
        """Give one order, that holds for so many seconds."""
        self.number += 1
        now = time.monotonic()
        if what is What.DRIVE:
            content.setdefault('velocity', (0.3, 0.0, 0.0))
            until += now
        self.bridge.send(Order(what, 0, self.number, until=until, sent=now, **content).pack())

    def drive(self):
        """Drive until the base is told to move."""
        self.received.clear()
        self.order()
        self.graph.until(lambda: self.received)
        assert self.received[-1][1] == 0.3

    def stood_at(self):
        """When it was first told to stand after the last velocity."""
        return self.graph.until(self.zeros)[0]

    def zeros(self):
        """When it was told to stand since the last velocity."""
        last = max((at for at, (_, speed) in enumerate(self.received) if speed), default=-1)
        return [at for at, _ in self.received[last + 1 :]]

    def close(self):
        self.bridge.close()
        try:
            self.errors = self.process.communicate(timeout=20)[1]
        finally:
            self.process.kill()


@pytest.fixture
def guarded():
    with RosGraph('base') as graph:
        guarded = Guarded(graph)
        yield guarded
        guarded.close()


def test_a_velocity_holds_until_its_time_and_zeros_follow(guarded):
    for _ in range(3):
        guarded.drive()
        began = time.monotonic()
        assert 0.3 < guarded.stood_at() - began < 0.6
        guarded.graph.until(lambda: len(guarded.zeros()) >= 5)
    assert guarded.process.poll() is None


def close_the_other_end(guarded):
    guarded.bridge.close()


def send_nonsense(guarded):
    guarded.bridge.send(b'nonsense')


def order_to_stand(guarded):
    guarded.order(What.STAND, 0.3)


def order_what_is_over(guarded):
    guarded.order(until=-0.1)


@pytest.mark.parametrize(
    'end', [close_the_other_end, send_nonsense, order_to_stand, order_what_is_over]
)
def test_the_base_stands_at_once(guarded, end):
    guarded.drive()
    began = time.monotonic()
    end(guarded)
    assert guarded.stood_at() - began < 0.15


def test_it_ends_with_the_other_end_after_the_zeros(guarded):
    guarded.drive()
    guarded.bridge.close()
    stood = guarded.stood_at()
    guarded.graph.until(lambda: guarded.process.poll() == 0, 10.0)
    assert STAND_FOR - 0.1 < time.monotonic() - stood < 3.0
    assert guarded.received[-1][0] - stood > STAND_FOR / 2


def test_at_rest_it_publishes_nothing_and_ends_so(guarded):
    guarded.bridge.close()
    guarded.graph.until(lambda: guarded.process.poll() == 0, 10.0)
    assert not guarded.received


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_that_mean_the_bridge_do_not_end_it(guarded, number):
    guarded.drive()
    guarded.process.send_signal(number)
    guarded.drive()
    assert guarded.process.poll() is None


def test_of_what_waited_only_the_last_is_obeyed(guarded):
    guarded.drive()
    os.kill(guarded.process.pid, signal.SIGSTOP)
    for speed in (0.1, 0.2, 0.3):
        guarded.order(velocity=(speed, 0.0, 0.0), until=5.0)
    guarded.order(What.STAND, 0.3)
    guarded.received.clear()
    os.kill(guarded.process.pid, signal.SIGCONT)
    guarded.graph.until(lambda: len(guarded.received) > 3)
    assert {speed for _, speed in guarded.received} == {0.0}


def test_it_changes_the_type_it_publishes(guarded):
    guarded.drive()
    with RosGraph('stamped_base') as stamped:
        received = stamped.listen(TwistStamped, '/cmd_vel')
        guarded.order(What.TYPES, types=TWIST | TWIST_STAMPED)
        guarded.graph.until(lambda: guarded.read().topics == ((TWIST | TWIST_STAMPED, 2),))

        def moving():
            return [message.header for message in received if message.twist.linear.x]

        def both():
            guarded.order(stamp=5_000_000_000)
            return stamped.becomes(moving, 0.05) and moving()

        header = guarded.graph.until(both)[-1]
        assert header.frame_id == 'base_link'
        assert header.stamp.sec == 5
    guarded.order(What.TYPES, types=TWIST_STAMPED)
    guarded.graph.until(lambda: guarded.read().topics[0][0] == TWIST_STAMPED)
