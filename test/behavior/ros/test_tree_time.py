# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""When is a tree ticked: at its rate, when a node is due, and by whose clock."""

from __future__ import annotations

import time

from builtin_interfaces.msg import Time
from fixtures.tree_robot import tree_robot
from rosgraph_msgs.msg import Clock


def test_a_node_that_waits_is_ticked_when_it_is_due_and_not_at_the_next_regular_tick(tmp_path):
    with tree_robot(tmp_path, rate=0.2) as robot:
        begin = time.monotonic()
        run = robot.run('<Sequence><Sleep msec="100"/><Sleep msec="100"/></Sequence>')
        assert run.state == 'succeeded'
        assert 0.2 <= time.monotonic() - begin < 2.0


def test_a_tree_without_news_is_ticked_at_its_rate(tmp_path):
    with tree_robot(tmp_path, rate=20.0) as robot:
        run = robot.start('<KeepRunningUntilFailure><AlwaysSuccess/></KeepRunningUntilFailure>')
        robot.until(lambda: run.executor is not None)
        begin, count = time.monotonic(), run.executor.count
        robot.until(lambda: run.executor.count >= count + 20)
        assert 0.8 < time.monotonic() - begin < 3.0
        robot.runner.halt()


def test_simulated_time_is_the_time_of_nodes_that_wait(tmp_path):
    with tree_robot(tmp_path, simulated=True) as robot:
        publisher = robot.peer.create_publisher(Clock, '/clock', 10)
        clock = {'now': 100, 'step': 0}

        def publish() -> None:
            clock['now'] += clock['step']
            publisher.publish(Clock(clock=Time(sec=clock['now'])))

        robot.peer.create_timer(0.02, publish)
        robot.until(lambda: robot.node.get_clock().now().nanoseconds)
        run = robot.start('<Sleep msec="50"/>')
        robot.until(lambda: run.executor is not None and run.executor.count >= 5)
        assert run.state == 'running'  # Simulated time stands still.
        clock['step'] = 60
        long = '<Timeout msec="600000"><Sleep msec="3600000"/></Timeout>'
        robot.until(lambda: run.state == 'succeeded')
        begin = time.monotonic()
        assert robot.run(long).state == 'failed'
        assert time.monotonic() - begin < 10.0


def test_simulated_time_that_begins_anew_does_not_go_back_for_trees(tmp_path):
    with tree_robot(tmp_path, simulated=True) as robot:
        publisher = robot.peer.create_publisher(Clock, '/clock', 10)
        times = iter([1000, 1001, 0, *range(1, 10_000)])
        robot.peer.create_timer(
            0.02, lambda: publisher.publish(Clock(clock=Time(sec=next(times))))
        )
        robot.until(lambda: robot.node.get_clock().now().nanoseconds)
        assert robot.run('<Sleep msec="20000"/>').state == 'succeeded'


def test_what_woke_a_tree_while_it_was_paused_ticks_it_as_soon_as_it_goes_on(tmp_path):
    with tree_robot(tmp_path, rate=0.05) as robot:
        run = robot.start('<KeepRunningUntilFailure><AlwaysSuccess/></KeepRunningUntilFailure>')
        robot.until(lambda: run.executor is not None and run.executor.count)
        robot.runner.pause()
        count = run.executor.count
        run.tree.wake_up()
        for _ in range(5):
            robot.spin()
        assert run.executor.count == count
        begin = time.monotonic()
        robot.runner.resume()
        robot.until(lambda: run.executor.count > count)
        assert time.monotonic() - begin < 10.0  # The next regular tick is after 20 s.
        robot.runner.halt()
