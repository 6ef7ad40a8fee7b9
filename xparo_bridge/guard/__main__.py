# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The process: `python -m xparo_bridge.guard FD JSON`, started by the bridge alone.

It ends when the other end of the socket FD is closed, after the zeros that are due then.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field
import os
import select
import signal
import socket
import sys
import time
from typing import Any

from ..json_reader import read_own
from .publishing import Outlet, Ros
from .records import Order, Report, What

_PR_SET_PDEATHSIG = 1
_ZERO_PERIOD = 0.05
_REPORT_PERIOD = 1.0
_STANDING = (0.0, 0.0, 0.0)
# How many orders are read before what they ask for is done.
_AT_ONCE = 100


@dataclass
class Topic:
    """One topic and what is due on it, by the monotonic clock."""

    outlet: Outlet
    moves_until: float | None = None  # a velocity is out, which holds until then
    stands_until: float = 0.0
    next_zero: float = 0.0
    # ROS time in ns minus monotonic time, where that is not the system's.
    stamps: int = 0
    orders: list[Order] = field(default_factory=list)


class Guard:
    """Obeys the orders of the bridge, and has the base stand when none comes."""

    def __init__(self, bridge: socket.socket, topics: list[Topic], stand_for: float) -> None:
        self._bridge = bridge
        self._topics = topics
        self._stand_for = stand_for
        self._number = 0
        self._next_report = 0.0

    def run(self, parent: int, woken: int) -> None:
        """Serve until the bridge, process `parent`, is gone; signals write to `woken`."""
        poll = select.poll()
        poll.register(self._bridge, select.POLLIN)
        poll.register(woken, select.POLLIN)
        while os.getppid() == parent:
            poll.poll(max(0.0, self._next_event() - time.monotonic()) * 1000)
            if not self._read():
                break
            self._obey()
            self._let_stand()
            self._report()
            while _readable(woken):
                os.read(woken, 64)
        self._last_zeros()

    def _next_event(self) -> float:
        times = [self._next_report]
        for topic in self._topics:
            if topic.moves_until is not None:
                times.append(topic.moves_until)
            elif topic.stands_until > time.monotonic():
                times.append(topic.next_zero)
        return min(times)

    def _read(self) -> bool:
        """Take the orders that came; False if there will be no more."""
        for _ in range(_AT_ONCE):
            try:
                data = self._bridge.recv(1024)
            except BlockingIOError:
                return True
            except OSError:
                return False
            if not data:
                return False
            try:
                order = Order.unpack(data, len(self._topics), time.monotonic())
            except ValueError as error:
                self._stand_all()
                _complain(f'guard: {error}; the base was told to stand')
                continue
            self._number = order.number
            self._topics[order.topic].orders.append(order)
        return True

    def _obey(self) -> None:
        """Do what was ordered; of several velocities that waited only the last is published."""
        for topic in self._topics:
            orders, topic.orders = topic.orders, []
            for at, order in enumerate(orders):
                now = time.monotonic()
                topic.stamps = order.stamp and order.stamp - int(order.sent * 1e9)
                if order.what is What.TYPES:
                    topic.outlet.set_types(order.types)
                elif order.what is What.STAND:
                    self._stand(topic, order.until)
                elif order.until <= now:
                    if topic.moves_until is not None:
                        self._stand(topic, self._stand_for)
                elif all(later.what is What.TYPES for later in orders[at + 1 :]):
                    topic.moves_until, topic.stands_until = order.until, 0.0
                    topic.outlet.publish(order.velocity, self._stamp(topic))

    def _stand(self, topic: Topic, seconds: float) -> None:
        now = time.monotonic()
        topic.moves_until = None
        topic.stands_until = max(topic.stands_until, now + seconds)
        topic.next_zero = now + _ZERO_PERIOD
        topic.outlet.publish(_STANDING, self._stamp(topic))

    def _stand_all(self) -> None:
        for topic in self._topics:
            topic.orders.clear()
            self._stand(topic, self._stand_for)

    def _let_stand(self) -> None:
        """Publish the zeros that are due."""
        now = time.monotonic()
        for topic in self._topics:
            if topic.moves_until is not None:
                if topic.moves_until <= now:
                    self._stand(topic, self._stand_for)
            elif topic.next_zero <= now < topic.stands_until:
                topic.next_zero = now + _ZERO_PERIOD
                topic.outlet.publish(_STANDING, self._stamp(topic))

    def _stamp(self, topic: Topic) -> int:
        return time.monotonic_ns() + topic.stamps if topic.stamps else time.time_ns()

    def _report(self) -> None:
        self._next_report = time.monotonic() + _REPORT_PERIOD
        topics = [(each.outlet.types, each.outlet.matched) for each in self._topics]
        try:
            self._bridge.send(Report(self._number, topics).pack())
        except OSError:
            pass  # It does not read, or is gone, which the next turn finds out.

    def _last_zeros(self) -> None:
        """Let what moves stand, and go."""
        for topic in self._topics:
            if topic.moves_until is not None:
                self._stand(topic, self._stand_for)
        # Whatever hangs, nothing of this is left.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, self._stand_for + 12.0)
        while any(topic.stands_until > time.monotonic() for topic in self._topics):
            time.sleep(max(0.0, min(0.01, self._next_event() - time.monotonic())))
            self._let_stand()


def _complain(text: str) -> None:
    """Print a line where it does not wait: nobody may read what the bridge prints."""
    poll = select.poll()
    poll.register(sys.stderr.fileno(), select.POLLOUT)
    # A pipe that takes anything takes a line of this length whole.
    if poll.poll(0):
        os.write(sys.stderr.fileno(), f'{text[:500]}\n'.encode('utf-8', 'replace'))


def _readable(descriptor: int) -> bool:
    return bool(select.select([descriptor], [], [], 0)[0])


def main() -> int:
    descriptor, settings = int(sys.argv[1]), read_own(sys.argv[2])
    bridge = socket.socket(fileno=descriptor)
    bridge.setblocking(False)
    read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(write)
    # A terminal's Ctrl-C and a service manager mean the bridge, whose end is noticed here.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, frame: None)
    if sys.platform.startswith('linux'):
        libc: Any = ctypes.CDLL(None)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != settings['parent']:
        bridge.close()
        return 1
    ros = Ros(*(settings[key] for key in ('node', 'namespace', 'domain', 'enclave')))
    topics = []
    for name, frame, types in settings['topics']:
        topics.append(Topic(Outlet(ros, name, frame)))
        topics[-1].outlet.set_types(types)
    Guard(bridge, topics, settings['stand_for']).run(settings['parent'], read)
    ros.close()
    bridge.close()
    return 0


if __name__ == '__main__':
    sys.exit(main())
