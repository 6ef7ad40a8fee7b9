# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Bring each sample of a fast topic to its callback in a thread that waits for other things too.

By way of a thread of its own (`samples`) each sample wakes two threads, which then want the
interpreter of each other: the one that takes it and the one that sends it. Odometry at 1000 Hz
costs 0.8 as much where the thread that sends takes it itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import os
import select
from threading import Lock
import time

from rclpy.node import Node
from rclpy.subscription import Subscription

from ..faults import FAULTS
from .message_events import make_eventfd, notify, notify_no_more
from .samples import Info, SampleThread

# Bytes of a message up to which it is read here: 6 ms at most. Beyond, elements that are no
# primitives may take 60, which the thread that serves has not, so the topic gets one of its own.
READ_HERE = 16 * 1024
# As many where reading takes no time: to copy more takes 1 ms.
BRIEF = 1 << 20
# For how long samples are taken before others have their turn, s.
_TURN = 0.002


@dataclass
class _Topic:
    subscription: Subscription
    callback: Callable[[bytes, Info], None]
    most: int  # bytes


class SampleEvents:
    """
    As SampleThread, but whoever finds `descriptor` readable calls `serve`, in one thread.

    `add` and `remove` are called on the ROS thread. Topics of which the middleware cannot say
    when something came, and those with large messages, are left to a SampleThread.
    """

    def __init__(self, node: Node) -> None:
        self._thread = SampleThread(node)
        # Held for one turn at a time, so that after `remove` nothing is called any more.
        self._lock = Lock()
        # Each topic has a descriptor, so that only those of which something came are asked.
        self._poll = select.epoll()
        self._topics: dict[int, _Topic] = {}

    @property
    def descriptor(self) -> int:
        """What is readable while there may be samples."""
        return self._poll.fileno()

    def add(
        self,
        subscription: Subscription,
        callback: Callable[[bytes, Info], None],
        brief: bool = False,
    ) -> None:
        """
        Begin to call back with the bytes and rclpy's info; `callback` must not block.

        One that is `brief` takes no longer for large messages, which are served here up to BRIEF.
        """
        descriptor = make_eventfd()
        with self._lock:
            self._topics[descriptor] = _Topic(
                subscription, callback, BRIEF if brief else READ_HERE
            )
            # Edge: each message makes it readable anew, and nobody has to read the number.
            self._poll.register(descriptor, select.EPOLLIN | select.EPOLLET)
        if not notify(subscription, descriptor):
            self._forget(descriptor)
            self._thread.add(subscription, callback)

    def remove(self, subscription: Subscription) -> None:
        """Call back no more."""
        with self._lock:
            found = [at for at, one in self._topics.items() if one.subscription is subscription]
        # It may go to the thread meanwhile, but never comes back.
        if not any(map(self._forget, found)):
            self._thread.remove(subscription)

    def _forget(self, descriptor: int) -> bool:
        """End what is served here; whether it still was."""
        with self._lock:
            topic = self._topics.pop(descriptor, None)
            if topic is None:
                return False
            notify_no_more(topic.subscription)
            self._poll.unregister(descriptor)
            os.close(descriptor)
        return True

    def serve(self) -> None:
        """Call back with the samples that have come."""
        end = time.monotonic() + _TURN
        for descriptor, _ in self._poll.poll(0):
            with self._lock:
                topic = self._topics.get(descriptor)
                if topic is None:
                    continue
                try:
                    self._take(descriptor, topic, end)
                except Exception as error:  # Asked again with the next message: it may last.
                    FAULTS.note(f'a sample of {topic.subscription.topic}', error)

    def _take(self, descriptor: int, topic: _Topic, end: float) -> None:
        """Take samples of a topic until there is none, it is too large for here, or time is up."""
        subscription, handle = topic.subscription, topic.subscription.handle
        with handle:
            while time.monotonic() < end:
                # Raw: a message made of the bytes takes 110 µs for Odometry, fields read 5.
                taken = handle.take_message(subscription.msg_type, True)
                if taken is None:
                    return
                if len(taken[0]) > topic.most:
                    break
                try:
                    topic.callback(*taken)
                except Exception as error:  # One topic's fault must not silence the others.
                    FAULTS.note(f'a sample of {subscription.topic}', error)
            else:
                os.eventfd_write(descriptor, 1)  # Others have their turn first.
                return
        # All of it before `remove` can ask for the topic there.
        del self._topics[descriptor]
        notify_no_more(subscription)
        self._poll.unregister(descriptor)
        os.close(descriptor)
        self._thread.add(subscription, topic.callback, first=taken)
