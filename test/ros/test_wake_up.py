# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Threads that wake the ROS thread while its node is destroyed."""

from __future__ import annotations

import threading

import rclpy

from xparo_bridge.ros.entities import guard_condition


def test_a_thread_may_wake_a_node_that_is_just_destroyed():
    raised: list[BaseException] = []
    woken, over = threading.Event(), threading.Event()

    context = rclpy.Context()
    rclpy.init(context=context)
    try:
        node = rclpy.create_node('sleeper', context=context)
        wake_up = guard_condition(node, lambda: None)

        def wake() -> None:
            try:
                while not over.is_set():
                    wake_up.trigger()
                    woken.set()
                wake_up.trigger()
            except BaseException as error:
                raised.append(error)

        thread = threading.Thread(target=wake)
        thread.start()
        assert woken.wait(10.0)
        node.destroy_node()
        over.set()
        thread.join(10.0)
        assert not thread.is_alive()
        assert raised == []
    finally:
        context.shutdown()
