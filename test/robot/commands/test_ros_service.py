# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Do the robot's own nodes command by the same rules as the platform, and hear of everything."""

from __future__ import annotations

from collections.abc import Iterator
import json
from pathlib import Path

from fixtures.processes import Process
from fixtures.ros_graph import RosGraph
from fixtures.system import start_bridge, start_failing_server
import pytest
from xparo_interfaces.msg import CommandStatus
from xparo_interfaces.srv import ExecuteCommand


class Caller:
    """A node of the robot before the doors of a bridge that has no platform."""

    def __init__(self, graph: RosGraph) -> None:
        self._graph = graph
        self.reported = graph.listen(CommandStatus, '/xparo_bridge/command_status', 50)
        graph.until(lambda: graph.node.count_publishers('/xparo_bridge/command_status'))

    def execute(self, command: str, parameters: str = '', command_id: str = ''):
        return self._graph.call(
            ExecuteCommand,
            '/xparo_bridge/execute_command',
            ExecuteCommand.Request(command=command, parameters=parameters, command_id=command_id),
        )

    def until(self, command_id: str, state: str) -> CommandStatus:
        def found():
            return [s for s in self.reported if s.command_id == command_id and s.state == state]

        return self._graph.until(found)[0]


@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[Process]:
    with start_bridge(tmp_path, 1) as bridge:
        yield bridge


@pytest.fixture
def caller(bridge: Process) -> Iterator[Caller]:
    with RosGraph('some_node') as graph:
        yield Caller(graph)


def test_a_command_is_accepted_and_its_way_reported_on_the_topic(caller):
    with start_failing_server('succeed', '--delay', '0.2'):
        answer = caller.execute('start_navigation', '{"goal": "table_4"}', 'mine')
        assert (answer.accepted, answer.command_id, answer.error) == (True, 'mine', '')
        status = caller.until('mine', CommandStatus.SUCCEEDED)
        assert (status.command, status.source) == ('start_navigation', 'ros')
        assert status.stamp.sec > 0
        states = [s.state for s in caller.reported if s.command_id == 'mine']
        assert states[0] == CommandStatus.ACCEPTED
        assert states.count(CommandStatus.SUCCEEDED) == 1


def test_what_cannot_be_done_is_answered_with_the_reason(caller):
    for command, parameters, error in (
        ('start_navigtion', '', 'did you mean "start_navigation"'),
        ('start_navigation', '{"goal": 3}', 'is a whole number, expected'),
        ('start_navigation', '{"goal"', 'parameters: not JSON: Expecting'),
        ('start_navigation', '[1]', 'parameters: expected a JSON object'),
        ('start_navigation', '{"x": NaN, "y": 1}', 'x: NaN is no JSON number'),
        ('start_navigation', '[' * 100000, 'parameters: '),
    ):
        answer = caller.execute(command, parameters)
        assert not answer.accepted
        assert error in answer.error


@pytest.mark.parametrize('parameters', ['{"goal"', '[1]', '{"x": NaN}', '[' * 100_000, '"'])
def test_a_stop_acts_whatever_its_parameters_are(caller, parameters):
    answer = caller.execute('stop', parameters)
    assert answer.accepted
    status = caller.until(answer.command_id, CommandStatus.SUCCEEDED)
    assert json.loads(status.result)['notes']
    caller.execute('resume')


def test_results_are_json_and_ids_are_made_and_remembered(caller):
    answer = caller.execute('list_commands')
    assert answer.accepted
    assert answer.command_id
    status = caller.until(answer.command_id, CommandStatus.SUCCEEDED)
    assert 'start_navigation' in json.loads(status.result)['commands']
    reported = len(caller.reported)
    again = caller.execute('list_commands', command_id=answer.command_id)
    assert again.accepted
    caller._graph.until(lambda: len(caller.reported) > reported)
    assert caller.reported[-1].state == CommandStatus.SUCCEEDED


def test_stop_at_the_door_is_stop_for_everybody(caller):
    caller.until(caller.execute('stop').command_id, CommandStatus.SUCCEEDED)
    answer = caller.execute('start_navigation', '{"goal": "table_4"}')
    assert not answer.accepted
    assert 'resume' in answer.error
