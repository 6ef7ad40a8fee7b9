# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Trees over the socket: pushed, swapped, refused, resumed; with a robot that drives."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

from fixtures.ros_graph import RosGraph
from fixtures.system import start_failing_server, start_robot, System, system
from nav_msgs.msg import Odometry
from xparo_interfaces.action import RunTree
from xparo_interfaces.srv import LoadTree

TABLE_4 = '0;map;7.0;2.6;0;0;0;0;1'
KITCHEN = '0;map;10.7;4.0;0;0;0;0;1'
TIMEOUT = 40.0


def tree(body: str) -> str:
    return f'<root BTCPP_format="4"><BehaviorTree ID="Main">{body}</BehaviorTree></root>'


def drive(goal: str, name: str = 'drive') -> str:
    return f'<NavigateToPose name="{name}" goal="{goal}"/>'


async def push(parts: System, name: str, xml: str) -> None:
    await parts.operator.request('push_tree', name=name, xml=xml)


async def report(parts: System, name: str, *states: str, since: int = 0) -> dict[str, Any]:
    """First report of a tree in one of the states."""
    event = await parts.operator.wait_for(
        lambda event: (
            event.get('type') == 'behavior_status'
            and event['data']['tree_name'] == name
            and event['data']['state'] in states
        ),
        TIMEOUT,
        since=since,
    )
    return {**event['data'], 'seq': event['seq']}


async def node_reached(parts: System, name: str, node: str, status: str) -> None:
    """Wait until the operator sees a node in a status, by what a viewer would draw."""
    names: dict[int, str] = {}

    def seen(event: dict[str, Any]) -> bool:
        data = event['data'] if event.get('type') == 'behavior_status' else {}
        if data.get('tree_name') != name:
            return False
        names.update({each['uid']: each['name'] for each in data.get('structure', ())})
        return any(
            names.get(each['uid']) == node and status in (each['status'], each.get('result'))
            for each in data['nodes']
        )

    await parts.operator.wait_for(seen, TIMEOUT)


def test_a_pushed_tree_drives_the_robot_and_is_watched_node_by_node(tmp_path):
    async def scenario() -> None:
        async with system(tmp_path) as parts:
            parts.add(start_robot())
            await push(parts, 'deliver', tree(f'<Sequence name="s">{drive(TABLE_4)}</Sequence>'))
            start = await report(parts, 'deliver', 'running')
            assert [(n['uid'], n['parent'], n['name'], n['type']) for n in start['structure']] == [
                (1, None, 's', 'Sequence'),
                (2, 1, 'drive', 'NavigateToPose'),
            ]
            await node_reached(parts, 'deliver', 'drive', 'RUNNING')
            end = await report(parts, 'deliver', 'succeeded', 'failed', 'error')
            assert end['state'] == 'succeeded'
            assert end['run_id'] == start['run_id']
            assert await asyncio.to_thread(way_from_start) > 5.0

    asyncio.run(scenario())


def test_a_second_tree_begins_when_the_goal_of_the_first_has_ended(tmp_path):
    async def scenario() -> None:
        async with system(tmp_path) as parts:
            server = parts.add(start_failing_server('slow_cancel', '--delay', '1.5'))
            await push(parts, 'first', tree(drive(TABLE_4)))
            await asyncio.to_thread(server.wait_for_line, 'accepted')
            await push(parts, 'second', tree('<AlwaysSuccess/>'))
            first = await report(parts, 'first', 'halted')
            assert first['errors'] == [{'message': 'replaced by second'}]
            await asyncio.to_thread(server.wait_for_line, 'canceled', 0.5)  # Not 1.5 s later.
            second = await report(parts, 'second', 'running')
            assert second['seq'] > first['seq']
            await report(parts, 'second', 'succeeded')

    asyncio.run(scenario())


def test_a_goal_is_cancelled_that_was_not_accepted_yet(tmp_path):
    async def scenario() -> None:
        async with system(tmp_path) as parts:
            server = parts.add(start_failing_server('accept_late', '--delay', '1'))
            await push(parts, 'first', tree(drive(TABLE_4)))
            await asyncio.to_thread(server.wait_for_line, 'goal')
            await push(parts, 'second', tree('<AlwaysSuccess/>'))
            await report(parts, 'second', 'succeeded')
            # It may be said after the robot was told of it, where the machine is busy.
            await asyncio.to_thread(server.wait_for_line, 'canceled')
            assert [line for line in server.lines if line in ('accepted', 'canceled')] == [
                'accepted',
                'canceled',
            ]

    asyncio.run(scenario())


def test_a_broken_tree_changes_nothing_and_is_reported_with_its_lines(tmp_path):
    async def scenario() -> None:
        async with system(tmp_path) as parts:
            server = parts.add(start_failing_server('succeed', '--delay', '2'))
            await push(parts, 'good', tree(drive(TABLE_4)))
            await asyncio.to_thread(server.wait_for_line, 'accepted')
            await push(
                parts, 'bad', tree('\n<Sequence>\n<Fly/>\n<Spin spin_dist="far"/></Sequence>')
            )
            bad = await report(parts, 'bad', 'rejected')
            assert [error['line'] for error in bad['errors']] == [3, 4]
            await report(parts, 'good', 'succeeded')
            assert 'cancel' not in server.lines

    asyncio.run(scenario())


def test_a_missing_server_fails_its_node_and_the_fallback_goes_on(tmp_path):
    async def scenario() -> None:
        async with system(tmp_path, trees={'server_timeout': 1.0}) as parts:
            await push(
                parts,
                'try',
                tree(f'<Fallback>{drive(TABLE_4)}<AlwaysSuccess name="else"/></Fallback>'),
            )
            await report(parts, 'try', 'succeeded')
            messages = [
                node.get('message', '')
                for node in [
                    node for event in [e async for e in _seen(parts)] for node in event['nodes']
                ]
            ]
            assert any('no action server' in message for message in messages)

    asyncio.run(scenario())


def way_from_start() -> float:
    """How far the robot is from where its odometry began, m."""
    with RosGraph() as graph:
        poses = graph.listen(Odometry, '/odom')
        position = graph.until(lambda: poses)[-1].pose.pose.position
        return math.hypot(position.x, position.y)


async def _seen(parts: System) -> Any:
    """Every report until the last one there is now."""
    last = parts.operator.seq
    async for event in parts.operator.events():
        if event.get('type') == 'behavior_status':
            yield event['data']
        if event['seq'] >= last:
            return


def test_trees_are_run_halted_listed_and_deleted_by_command(tmp_path):
    async def scenario() -> None:
        async with system(tmp_path) as parts:
            await push(parts, 'sleepy', tree('<Sleep msec="600000"/>'))
            await report(parts, 'sleepy', 'running')
            listed = await parts.ended(await parts.send('list_trees'))
            trees = {each['tree_name']: each for each in listed['result']['trees']}
            assert trees['sleepy']['running']
            assert not trees['sleepy']['own']
            assert trees['delivery_round']['own']
            halted = await parts.ended(await parts.send('halt_tree'))
            assert halted['state'] == 'succeeded'
            await report(parts, 'sleepy', 'halted')
            assert (await parts.ended(await parts.send('halt_tree')))['state'] == 'rejected'
            again = await parts.send('run_tree', tree_name='sleepy')
            await parts.reached(again, 'running')
            await parts.send('cancel', command_id=again)
            assert (await parts.ended(again))['state'] == 'canceled'
            gone = await parts.send('delete_tree', tree_name='sleepy')
            assert (await parts.ended(gone))['state'] == 'succeeded'
            unknown = await parts.ended(await parts.send('run_tree', tree_name='sleepy'))
            assert unknown['error']['code'] == 'unknown_tree'
            own = await parts.ended(await parts.send('delete_tree', tree_name='delivery_round'))
            assert (own['state'], own['error']['code']) == ('rejected', 'own_tree')

    asyncio.run(scenario())


def test_nodes_of_the_robot_load_trees_and_run_them_by_action(tmp_path):
    xml = tree('<Sequence><Sleep msec="300"/><Script code="sum := a + 1"/></Sequence>')

    async def scenario() -> None:
        async with system(tmp_path):
            await asyncio.to_thread(ask)

    def ask() -> None:
        with RosGraph() as graph:
            bad = graph.call(
                LoadTree,
                '/xparo_bridge/load_tree',
                LoadTree.Request(tree_name='count', xml=tree('<Nothing/>')),
            )
            assert not bad.success
            assert 'line 1' in bad.problems[0]
            good = graph.call(
                LoadTree, '/xparo_bridge/load_tree', LoadTree.Request(tree_name='count', xml=xml)
            )
            assert good.success, good.problems
            goal = graph.send_goal(
                RunTree,
                '/xparo_bridge/run_tree',
                RunTree.Goal(tree_name='count', blackboard='{"a": 2}'),
            )
            result = goal.end().result
            assert (result.status, result.error) == ('SUCCESS', '')
            assert json.loads(result.blackboard)['sum'] == 3.0
            assert any(f.active_nodes for f in goal.feedback)
            goal = graph.send_goal(
                RunTree, '/xparo_bridge/run_tree', RunTree.Goal(xml=tree('<Sleep msec="60000"/>'))
            )
            assert goal.cancel()
            assert goal.end().result.status == 'IDLE'
            refused = graph.send_goal(RunTree, '/xparo_bridge/run_tree', RunTree.Goal(xml='<root'))
            assert 'not well-formed' in refused.end().result.error

    asyncio.run(scenario())


def test_a_restart_resumes_a_tree_that_had_not_ended(tmp_path):
    async def scenario() -> None:
        async with system(tmp_path, trees={'resume': 'unfinished'}) as parts:
            await push(parts, 'long', tree('<Sleep msec="600000"/>'))
            first = await report(parts, 'long', 'running')
            parts.bridge.kill()
            parts.start_bridge()
            second = await report(parts, 'long', 'running', since=first['seq'])
            while second['run_id'] == first['run_id']:
                second = await report(parts, 'long', 'running', since=second['seq'])
            await parts.ended(await parts.send('halt_tree'))
            assert parts.bridge is not None

    asyncio.run(scenario())


def test_a_tree_commands_the_robot_and_stops_it_when_halted(tmp_path):
    async def scenario() -> None:
        async with system(tmp_path) as parts:
            server = parts.add(start_failing_server('hang'))
            await push(
                parts, 'go', tree('<RemoteCommand command="start_navigation" goal="table_4"/>')
            )
            await asyncio.to_thread(server.wait_for_line, 'accepted')
            await parts.ended(await parts.send('halt_tree'))
            await asyncio.to_thread(server.wait_for_line, 'canceled', 0.5)
            await push(
                parts,
                'nowhere',
                tree('<RemoteCommand command="start_navigation" goal="atlantis"/>'),
            )
            await report(parts, 'nowhere', 'rejected')
            await push(parts, 'itself', tree('<RemoteCommand command="run_tree" tree_name="go"/>'))
            await report(parts, 'itself', 'failed')

    asyncio.run(scenario())
