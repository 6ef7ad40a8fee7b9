# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does no tree, while it is read, built, ticked or halted, keep the ROS thread from its work."""

from __future__ import annotations

import gc
from pathlib import Path
import threading
import time

from fixtures.cpu import untraced
from fixtures.tree_robot import tree_robot
import pytest

from xparo_bridge.behavior import NodeStatus, SyncAction, TreeErrors

# s; the first tree of its kind brings caches of its own, so one try of some must hold.
STALL = 0.05
TRIES = 4


class Slow(SyncAction):
    """Takes a millisecond, as a command that is refused at once does."""

    def on_tick(self) -> NodeStatus:
        end = time.perf_counter() + 0.001
        while time.perf_counter() < end:
            pass
        return NodeStatus.SUCCESS


TREES = {
    'Repeat over 3000 scripts': (
        '<Repeat num_cycles="-1"><Sequence>'
        + '<Script code="a:=1"/>' * 3000
        + '</Sequence></Repeat>'
    ),
    '500 Retries in a Parallel': (
        '<Parallel success_count="-1">'
        + '<RetryUntilSuccessful num_attempts="-1"><AlwaysFailure/></RetryUntilSuccessful>' * 500
        + '</Parallel>'
    ),
    'long scripts': (
        '<Repeat num_cycles="-1"><Sequence>'
        + ('<Script code="' + 'a:=1+1;' * 1400 + '"/>') * 10
        + '</Sequence></Repeat>'
    ),
    'recoveries without end': (
        '<RecoveryNode number_of_retries="2000000000"><AlwaysFailure/><AlwaysSuccess/>'
        '</RecoveryNode>'
    ),
    '1000 slow leaves': (
        '<Repeat num_cycles="-1"><Sequence>' + '<Slow/>' * 1000 + '</Sequence></Repeat>'
    ),
    '4500 nodes that run': ('<ParallelAll>' + '<Sleep msec="100000"/>' * 4500 + '</ParallelAll>'),
}


class Watch:
    """
    Keeps the longest time between two turns of the ROS thread that the process took from it.

    That is at most what the process computed meanwhile, on any thread, and at most the time that
    passed without the time the ROS thread was ready and other programs had the processors: while
    it is, other threads of the process may compute without keeping it from anything.
    """

    def __init__(self, robot) -> None:
        self.reset()
        self._timer = robot.node.create_timer(0.001, self._turn)

    @staticmethod
    def _now() -> tuple[float, float]:
        """Return what the process computed, and what this thread was not kept waiting for, s."""
        file = Path(f'/proc/self/task/{threading.get_native_id()}/schedstat')
        ready = int(file.read_text().split()[1]) / 1e9
        return time.process_time(), time.monotonic() - ready

    def _turn(self) -> None:
        now = self._now()
        took = min(after - before for after, before in zip(now, self._last, strict=True))
        self.longest = max(self.longest, took)
        self._last = now

    def reset(self) -> None:
        self._last, self.longest = self._now(), 0.0


@pytest.fixture(scope='module')
def robot(tmp_path_factory):
    with untraced(), tree_robot(tmp_path_factory.mktemp('stalls')) as found:
        found.register(Slow)
        # As the bridge does when it has started: what was there before is no garbage.
        gc.collect()
        gc.freeze()
        yield found
    gc.unfreeze()


@pytest.mark.parametrize('name', TREES)
def test_a_tree_leaves_the_ros_thread_its_turns(robot, name):
    watch = Watch(robot)
    stalls = []
    for number in range(TRIES):
        robot.runner.halt()
        robot.until(lambda: robot.runner.idle)
        watch.reset()
        run = robot.start(TREES[name], f'{name} {number}')
        robot.until(lambda run=run: run.state == 'running')
        end = time.monotonic() + 0.5
        robot.until(lambda end=end: time.monotonic() > end)
        robot.runner.halt(run)
        robot.until(lambda run=run: run.state.ended)
        assert run.state == 'halted'
        stalls.append(watch.longest)
        if watch.longest < STALL:
            break
    watch._timer.cancel()
    assert min(stalls) < STALL, stalls


def test_a_tick_in_slices_comes_to_the_same_end(robot):
    body = '<Sequence>' + '<Script code="n := n + 1"/><Slow/>' * 100 + '</Sequence>'
    run = robot.run(body, n=0)
    assert (run.state, run.blackboard()['n']) == ('succeeded', 100)


def test_a_tick_that_stands_still_is_halted_at_once(robot):
    run = robot.start('<Sequence>' + '<Slow/>' * 4000 + '</Sequence>')
    robot.until(lambda: run.in_tick)
    robot.runner.halt(run)
    robot.until(lambda: run.state.ended)
    assert run.state == 'halted'
    assert not run.in_tick
    assert robot.run('<AlwaysSuccess/>').state == 'succeeded'


def test_an_error_within_a_slice_ends_its_tree(robot):
    run = robot.run('<Sequence>' + '<Slow/>' * 60 + '<Script code="x := y"/></Sequence>')
    assert run.state == 'error'
    assert "there is no entry 'y'" in run.error


def test_a_halt_while_a_tree_is_checked_drops_it(robot):
    ended = []
    run = robot.run_xml(
        'checked',
        f'<BehaviorTree ID="M">{TREES["4500 nodes that run"]}</BehaviorTree>',
        on_end=ended.append,
    )
    assert (run.state, robot.runner.idle) == ('checking', False)
    robot.runner.halt(why='enough')
    assert (run.state, run.error, robot.runner.idle) == ('halted', 'enough', True)
    assert robot.run('<AlwaysSuccess/>').state == 'succeeded'
    assert ended == [run]


def test_of_trees_sent_at_once_each_takes_the_place_of_the_one_before_in_order(robot):
    ends = []
    bodies = ['<Sleep msec="100000"/>' * 2000] * 4 + ['<Fly/>']
    runs = [
        robot.run_xml(
            f't{n}',
            f'<BehaviorTree ID="M"><ParallelAll>{body}</ParallelAll></BehaviorTree>',
            on_end=lambda run: ends.append((run.name, run.state)),
        )
        for n, body in enumerate(bodies)
    ]
    robot.until(lambda: runs[-1].state.ended)
    robot.until(lambda: runs[3].state == 'running')
    assert ends.pop(ends.index(('t4', 'rejected')))
    assert ends == [('t0', 'halted'), ('t1', 'halted'), ('t2', 'halted')]
    robot.runner.halt()
    robot.until(lambda: robot.runner.idle)


def test_more_trees_than_can_wait_are_refused(robot):
    body = '<Sleep msec="100000"/>' * 1000
    xml = f'<BehaviorTree ID="M"><ParallelAll>{body}</ParallelAll></BehaviorTree>'
    with pytest.raises(TreeErrors, match='wait to be checked'):
        for n in range(100):
            robot.run_xml(f't{n}', xml)
    robot.runner.halt()
    robot.until(lambda: robot.runner.idle)
    assert robot.run('<AlwaysSuccess/>').state == 'succeeded'


def test_answers_come_in_the_order_of_what_was_sent(robot):
    ends = []
    for n in range(6):
        body = '<AlwaysSuccess/>' * (3000 if n % 2 == 0 else 1)
        robot.runner.check(
            f't{n}',
            f'<BehaviorTree ID="M"><Sequence>{body}</Sequence></BehaviorTree>',
            lambda name, warnings, errors: ends.append((name, errors)),
        )
    robot.until(lambda: len(ends) == 6)
    assert ends == [(f't{n}', None) for n in range(6)]
