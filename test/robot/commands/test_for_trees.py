# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is it on record which goals of a tree are under way, and only those."""

from __future__ import annotations

from fixtures.system import start_failing_server
import pytest

from xparo_bridge.behavior.ros.robot_commands import TREE
from xparo_bridge.robot.commands.for_trees import CommandsForTrees

COMMANDS = {
    'go': {'kind': 'navigate', 'server_timeout': 10.0},
    'run_tree': {'kind': 'run_tree'},
}
DRIVE = (
    '<root BTCPP_format="4"><BehaviorTree ID="round">'
    '<NavigateToPose goal="0;map;7;2.6;0;0;0;0;1"/></BehaviorTree></root>'
)


def on_record(at):
    return [(each.command, each.source, len(each.goals)) for each in at.journal.interrupted]


@pytest.mark.parametrize('by_command', [False, True])
@pytest.mark.parametrize('end', ['succeeded', 'halted'])
def test_a_tree_s_goal_is_on_record_until_its_tree_has_ended(station, by_command, end):
    with start_failing_server(
        'hang' if end == 'halted' else 'succeed', '--delay', '0.5'
    ) as server:
        at = station(COMMANDS)
        at.load_tree('round', DRIVE)
        command = at.send('run_tree', tree_name='round') if by_command else None
        if command is None:
            at.trees.run('round')
        at.until(lambda: 'accepted' in server.lines)
        assert on_record(at) == [('run_tree', 'platform', 1) if by_command else ('', TREE, 1)]
        if end == 'halted':
            at.trees.halt()
        at.until(lambda: at.trees.idle and not (command and command.open))
        assert on_record(at) == []


def test_a_command_that_is_not_known_may_move_the_base(station):
    at = station({**COMMANDS, 'beep': {'kind': 'say'}})
    commands = CommandsForTrees(at.router)
    moves = [commands.moves_base(name) for name in ('go', 'run_tree', 'beep', 'unknown')]
    assert moves == [True, False, False, True]
    assert [commands.knows(name) for name in ('go', 'unknown')] == [True, False]
