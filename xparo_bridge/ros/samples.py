# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Bring each sample of a fast topic from the middleware to its callback.

rclpy's executor makes a wait set of all that the node has for every turn, and turns twice for
every callback. With what a bridge has that takes longer than all the rest that is done for a
sample, and while it lasts no other thread of Python runs. So these topics are waited for in a
thread of their own, whose wait set holds nothing else: Odometry at 1000 Hz costs 0.76 of the CPU
of a floor program that only receives it with rclpy's executor, and 1.6 of it with that executor.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from threading import Lock, Thread
import time
from typing import Protocol

from rclpy.guard_condition import GuardCondition
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.subscription import Subscription

from ..faults import FAULTS
from ..turns import THREADS, Turns

# What rclpy says of a message beside its bytes: the times at which it was sent and received, ns.
Info = dict[str, int]

# s of rest after it could not be waited for samples, so that a lasting fault costs no processor.
_REST = 0.1


class Samples(Protocol):
    """Who hands over each sample of some topics."""

    def add(
        self,
        subscription: Subscription,
        callback: Callable[[bytes, Info], None],
        brief: bool = False,
    ) -> None:
        """
        Begin to call back with the bytes and rclpy's info; `callback` must not block.

        One that is `brief` takes no longer for large messages.
        """

    def remove(self, subscription: Subscription) -> None:
        """Call back no more."""


class SampleThread:
    """
    Calls back with each serialized message of the subscriptions it was given, in its own thread.

    `remove` is called on the ROS thread. The subscriptions must be raw and in no executor. The
    thread runs while there are some.
    """

    def __init__(self, node: Node, name: str = 'samples', turns: Turns | None = None) -> None:
        """Take the thread's name, and what measures it if it is not the one of that name."""
        self._node = node
        self._name = name
        self._turns = turns or THREADS[name]
        self._callbacks: dict[Subscription, Callable[[bytes, Info], None]] = {}
        self._first: deque[tuple[Subscription, tuple[bytes, Info]]] = deque()
        # Held for one sample at a time, so that after `remove` nothing is called any more.
        self._lock = Lock()
        # Held while a topic comes and while the thread ends, never while a sample is handed over.
        self._beginning = Lock()
        self._changed = GuardCondition(None, None, context=node.context)
        self._thread: Thread | None = None

    def add(
        self,
        subscription: Subscription,
        callback: Callable[[bytes, Info], None],
        brief: bool = False,
        first: tuple[bytes, Info] | None = None,
    ) -> None:
        """As of Samples, from any thread; `first` was taken already."""
        with self._beginning:
            self._callbacks[subscription] = callback
            if first is not None:
                self._first.append((subscription, first))
            if self._thread is None:
                self._thread = Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
        self._changed.trigger()

    def remove(self, subscription: Subscription) -> None:
        """Call back no more."""
        with self._lock:
            del self._callbacks[subscription]
        self._changed.trigger()
        thread = self._thread
        while thread is not None and thread.is_alive() and not self._callbacks:
            thread.join(_REST)

    def _goes_on(self) -> bool:
        """Whether there are topics; if not, the thread is made anew for the next one."""
        with self._beginning:
            if self._callbacks and self._node.context.ok():
                return True
            self._thread = None
            return False

    def _run(self) -> None:
        while self._goes_on():
            try:
                with ExitStack() as alive:
                    # A topic and what was taken of it already come together.
                    with self._lock, self._beginning:
                        subscriptions = list(self._callbacks)
                        for subscription in subscriptions:
                            alive.enter_context(subscription.handle)
                    self._serve(subscriptions)
            except Exception as error:  # The thread is not made again while it has topics.
                FAULTS.note('waiting for samples', error)
                time.sleep(_REST)

    def _serve(self, subscriptions: list[Subscription]) -> None:
        """Hand samples over until there are other subscriptions to wait for."""
        context = self._node.context.handle
        # A wait set of these topics alone: rclpy's executor makes one of all the node's entities
        # at each turn and holds the interpreter meanwhile. Odometry at 1000 Hz took 1.6 times the
        # CPU of a program that only receives it by the executor, and takes 0.76 times so.
        wait_set = rclpy_implementation.WaitSet(len(subscriptions), 1, 0, 0, 0, 0, context)
        changed = False
        while self._first:
            self._hand_over(*self._first.popleft())
        while not changed:
            wait_set.clear_entities()
            for subscription in subscriptions:
                wait_set.add_subscription(subscription.handle)
            wait_set.add_guard_condition(self._changed.handle)
            wait_set.wait(-1)
            ready = wait_set.get_ready_entities('subscription')
            for subscription in subscriptions:
                if subscription.handle.pointer in ready:
                    self._take(subscription)
            changed = bool(wait_set.get_ready_entities('guard_condition'))

    def _take(self, subscription: Subscription) -> None:
        try:
            # Raw: a message made of the bytes takes 110 µs for Odometry, fields read 5.
            taken = subscription.handle.take_message(subscription.msg_type, True)
        except Exception as error:
            FAULTS.note(f'a sample of {subscription.topic}', error)
            return
        if taken is not None:
            self._hand_over(subscription, taken)

    def _hand_over(self, subscription: Subscription, taken: tuple[bytes, Info]) -> None:
        with self._lock:
            callback = self._callbacks.get(subscription)
            turns = self._turns
            try:
                if callback is not None:
                    turns.begin()
                    callback(*taken)
                    turns.end()
            except Exception as error:  # One topic's fault must not silence the others.
                FAULTS.note(f'a sample of {subscription.topic}', error)
