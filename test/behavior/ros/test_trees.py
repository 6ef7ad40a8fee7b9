# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What becomes of a robot's trees when it starts, and of those that the platform sends."""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import json
from pathlib import Path
from typing import Any

from fixtures.ros_graph import RosGraph
import pytest

from xparo_bridge.behavior.ros.robot_commands import NoCommands
from xparo_bridge.behavior.ros.tree_library import StoredTree, TreeLibrary
from xparo_bridge.behavior.ros.trees import Trees
from xparo_bridge.configuration import load
from xparo_bridge.messages import BehaviorUpdate
from xparo_bridge.state import State

WAITING = '<BehaviorTree ID="M"><Sleep msec="60000"/></BehaviorTree>'
BAD = '<BehaviorTree ID="M"><Fly/></BehaviorTree>'


class Started:
    """The trees of a robot that has just started, and what the platform heard."""

    def __init__(self, graph: RosGraph, folder: Path, settings: dict[str, Any]) -> None:
        file = folder / 'robot.yaml'
        link = {'name': 'p', 'protocol': 'xparo', 'url': 'ws://127.0.0.1/'}
        file.write_text(json.dumps({'links': [link], 'trees': settings}))
        self.sent: list[Any] = []
        self.graph = graph
        self.trees = Trees(
            graph.node,
            load([file]),
            State(folder / 'state', print),
            lambda message, to=None: self.sent.append((to, message)) or True,
            lambda: True,
        )
        self.trees.bind_commands(NoCommands(), lambda message: True)
        self.trees.start()


@contextlib.contextmanager
def started(folder: Path, own: dict[str, str] | None = None, **settings: Any) -> Iterator[Started]:
    (folder / 'own').mkdir()
    for name, text in (own or {}).items():
        (folder / 'own' / f'{name}.xml').write_text(text)
    with RosGraph('bridge') as graph:
        robot = Started(graph, folder, {'folder': str(folder / 'own'), **settings})
        try:
            yield robot
        finally:
            robot.trees.stop()
            graph.until(lambda: robot.trees.idle)
            robot.trees.close()


@pytest.mark.parametrize('unfinished', [True, False])
@pytest.mark.parametrize('resume', ['never', 'unfinished', 'always'])
def test_the_last_tree_goes_on_after_a_restart_as_the_configuration_says(
    tmp_path, resume, unfinished
):
    state = State(tmp_path / 'state', print)
    library = TreeLibrary(state, ())
    library.ran(StoredTree('last', WAITING), {'table': 4})
    if not unfinished:
        library.ended()
    state.close(60.0)
    goes_on = resume == 'always' or (resume == 'unfinished' and unfinished)
    with started(tmp_path, resume=resume) as robot:
        assert robot.trees.idle is not goes_on
        if goes_on:
            run = robot.graph.until(lambda: robot.trees.current)
            assert (run.name, run.blackboard()) == ('last', {'table': 4})


def test_a_robot_that_never_ran_a_tree_runs_the_one_for_its_start(tmp_path):
    own = {'first': WAITING}
    with started(tmp_path, own, resume='always', run_at_start='first') as robot:
        assert robot.graph.until(lambda: robot.trees.current).name == 'first'


def test_at_the_start_each_own_tree_is_checked_and_what_is_wrong_is_logged(tmp_path, capfd):
    own = {'a': BAD, 'b': WAITING, 'c': BAD, 'd': BAD}
    said = ''
    with started(tmp_path, own) as robot:

        def all_three() -> bool:
            nonlocal said
            said += capfd.readouterr().err
            return all(
                f"tree {name}: line 1: there is no node type 'Fly'" in said for name in 'acd'
            )

        robot.graph.until(all_three)
    assert 'tree b:' not in said


def test_a_link_hears_why_a_tree_that_it_sent_does_not_run(tmp_path):
    with started(tmp_path, {'patrol': WAITING}) as robot:
        # At once, and after a check.
        for name, xml, words in (
            ('patrol', WAITING, 'own'),
            ('new', BAD, "there is no node type 'Fly'"),
        ):
            robot.sent.clear()
            robot.trees.push('platform', BehaviorUpdate(name, xml))
            to, status = robot.graph.until(lambda: robot.sent and robot.sent[0])
            assert (to, status.tree_name, status.state) == ('platform', name, 'rejected')
            assert words in status.errors[0]['message']
