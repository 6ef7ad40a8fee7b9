# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does one tree only begin when all that the one before it began has ended, whatever happens."""

from __future__ import annotations

from collections import Counter
import random

from fixtures.domains import own_domain
from fixtures.tree_robot import document, tree_robot
import pytest

from xparo_bridge.behavior import NodeStatus, StatefulAction
from xparo_bridge.behavior.ros.tree_library import StoredTree
from xparo_bridge.behavior.ros.tree_ros import tree_ros, TreeRos


class Motion:
    """Something under way that takes a while to end after it was told to."""

    open: set[Motion] = set()  # noqa: A003

    def __init__(self, owner: object, looks: int) -> None:
        self.owner = owner
        self.ending = False
        self.ended = False
        self._looks = looks
        Motion.open.add(self)

    def poll(self) -> None:
        if self.ending:
            self._looks -= 1
            if self._looks <= 0:
                self.ended = True
                Motion.open.discard(self)

    def cancel(self) -> None:
        self.ending = True


class Move(StatefulAction):
    """Is under way until it is halted, or for a few ticks."""

    chance = random.Random()
    overlaps: list[str] = []

    def on_start(self) -> NodeStatus:
        if any(motion.owner is not self.context for motion in Motion.open):
            self.overlaps.append(self.path)
        self.motion = Motion(self.context, self.chance.randint(0, 4))
        tree_ros(self.context).watch(self.motion)
        return self.on_running()

    def on_running(self) -> NodeStatus:
        if any(motion.owner is not self.context for motion in Motion.open):
            self.overlaps.append(self.path)
        if self.chance.random() < 0.1:
            raise RuntimeError('lost a wheel')
        if self.chance.random() < 0.2:
            self.motion.cancel()
            return self.chance.choice((NodeStatus.SUCCESS, NodeStatus.FAILURE))
        return NodeStatus.RUNNING

    def on_halted(self) -> None:
        self.motion.cancel()


BODIES = (
    '<Move/>',
    '<AlwaysSuccess/>',
    '<Sequence><Move/><Move/></Sequence>',
    '<ParallelAll><Move/><Move/><Sleep msec="3"/></ParallelAll>',
    '<Fallback><Timeout msec="4"><Move/></Timeout><Move/></Fallback>',
    '<Repeat num_cycles="3"><Move/></Repeat>',
)


@pytest.fixture(scope='module')
def robot(tmp_path_factory):
    with (
        own_domain() as domain,
        tree_robot(tmp_path_factory.mktemp('swap'), domain=domain, rate=100.0) as found,
    ):
        found.register(Move)
        yield found


@pytest.mark.parametrize('seed', range(25))
def test_swapping_never_runs_two_trees(robot, seed):
    chance = Move.chance = random.Random(seed)
    Move.overlaps.clear()
    ends: Counter[str] = Counter()
    runs = []
    for number in range(chance.randint(3, 8)):
        action = chance.random()
        if action < 0.65:
            runs.append(
                robot.run_xml(
                    f't{number}',
                    document(chance.choice(BODIES)),
                    on_end=lambda run: ends.update([run.id]),
                )
            )
        elif action < 0.8:
            broken = robot.run_xml('broken', document('<Move to="nowhere"/>'))
            robot.until(lambda run=broken: run.state.ended)
            assert (broken.state == 'rejected') is (not broken.error.startswith('replaced'))
            # Whatever ran goes on as if nothing had come.
            assert all(run.error != 'replaced by broken' for run in runs)
        else:
            robot.runner.halt()
        for _ in range(chance.randint(0, 6)):
            robot.spin()
    robot.runner.halt()
    robot.until(lambda: robot.runner.idle, 'the end of the last tree')
    assert Move.overlaps == []
    assert not Motion.open
    assert ends == Counter(run.id for run in runs)
    assert all(run.state.ended for run in runs)


def test_a_run_that_waited_for_its_turn_is_reported_when_another_takes_it(robot):
    Move.chance = random.Random(1)
    Move.chance.random = lambda: 0.5  # type: ignore[method-assign]
    first = robot.start('<Move/>', 'first')
    robot.until(lambda: first.state == 'running')
    second = robot.run_xml('second', document('<Move/>'))
    third = robot.run_xml('third', document('<AlwaysSuccess/>'))
    robot.until(lambda: third.state.ended)
    assert (second.state, second.error) == ('halted', 'replaced by third')
    assert (first.state, first.error) == ('halted', 'replaced by second')
    assert third.state == 'succeeded'


def test_an_error_of_a_handler_ends_its_tree_and_nothing_else(robot):
    def fail(executor):
        raise RuntimeError('no viewer')

    run = robot.start('<Sleep msec="60000"/>')
    robot.until(lambda: run.state == 'running')
    run.executor.post_tick_handlers.append(fail)
    robot.until(lambda: run.state.ended)
    assert run.state == 'error'
    assert 'no viewer' in run.error
    assert robot.run('<AlwaysSuccess/>').state == 'succeeded'


def test_a_node_that_raises_when_it_is_halted_ends_its_tree_and_nothing_else(robot):
    run = robot.start('<Sleep msec="60000" _onHalted="x := nothing + 1"/>')
    robot.until(lambda: run.state == 'running')
    robot.runner.halt(run)
    robot.until(lambda: run.state.ended)
    assert run.state == 'error'
    assert "there is no entry 'nothing'" in run.error
    assert robot.run('<AlwaysSuccess/>').state == 'succeeded'


class Leave(StatefulAction):
    """Succeeds and leaves a motion under way."""

    def on_start(self) -> NodeStatus:
        self.motion = Motion(self.context, 2)
        tree_ros(self.context).watch(self.motion)
        return NodeStatus.SUCCESS


def test_what_a_leaf_left_under_way_is_cancelled_when_its_tree_ends(robot):
    if robot.registry.find('Leave') is None:
        robot.register(Leave)
    run = robot.run('<Leave/>')
    assert run.state == 'succeeded'
    assert not Motion.open


def test_a_tree_run_by_its_name_is_the_last_one_with_what_its_blackboard_began_with(robot):
    tree = StoredTree('stored', document('<Sleep msec="60000"/>'))
    run = robot.runner.run(tree, {'table': 4})
    robot.until(lambda: run.state == 'running')
    last = robot.runner.library.last
    assert (last.name, last.blackboard, last.unfinished) == ('stored', {'table': 4}, True)
    assert 'stored' not in robot.runner.library.names  # Only what is to be kept is.
    robot.runner.halt()
    robot.until(lambda: robot.runner.idle)


def test_a_run_that_failed_says_which_node_did_and_why(robot):
    run = robot.run(
        '<Fallback name="all"><AlwaysFailure name="first"/>'
        '<NavigateToPose name="last" goal="{nowhere}"/></Fallback>'
    )
    assert run.state == 'failed'
    assert 'which has no value' in run.error
    assert run.error.startswith('last [NavigateToPose] failed: ')


@pytest.mark.parametrize(
    ('ending', 'ended', 'still_ending', 'idle'),
    [
        (False, False, False, False),
        (True, False, True, False),
        (True, True, False, True),
        (False, True, False, True),
    ],
)
def test_only_what_was_told_to_end_and_has_not_is_waited_for(
    robot, ending, ended, still_ending, idle
):
    ros = TreeRos(robot.node)
    done, other = Motion(ros, 1), Motion(ros, 1)
    done.ending = done.ended = True
    other.ending, other.ended = ending, ended
    for motion in (done, other):
        ros.watch(motion)
        Motion.open.discard(motion)
    assert (ros.ending, ros.idle) == (still_ending, idle)
