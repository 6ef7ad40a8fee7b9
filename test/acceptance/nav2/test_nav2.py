# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
A running Nav2, driven through the bridge from the platform's side.

Executed where Nav2 is installed, and skipped with NOT EXECUTED and what is missing elsewhere;
docs/compatibility.md says what was run against what.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
import math
from pathlib import Path
from typing import Any

from nav2_rig import Operator, Rig
import pytest
from running_nav2 import bring_up, manage, PAUSE, RESET, STARTUP

# A drive through the room takes its time.
pytestmark = pytest.mark.timeout(300)

SHELF = '0;map;3.5;2;0;0;0;0;1'
CORNER = '0;map;2;6;0;0;0;0;1'
SHIPPED = Path(__file__).parents[2] / 'behavior' / 'nav2_trees' / 'jazzy'


def play(rig: Rig, scenario: Callable[[Operator], Awaitable[None]]) -> None:
    """Have an operator do something."""

    async def run() -> None:
        async with rig.operator() as operator:
            await scenario(operator)

    asyncio.run(run())


def error_of(end: dict[str, Any]) -> tuple[str, Any, Any]:
    """State of a command that ended, and Nav2's error."""
    error = end.get('error') or {}
    return end['state'], error.get('error_code'), error.get('error_name')


# --- places, poses, rounds ---


@pytest.mark.parametrize('goal', ['shelf', {'x': 2.0, 'y': 2.0, 'yaw': 0.0}])
def test_the_robot_drives_to_a_place_and_to_a_pose_with_feedback(rig, goal):
    async def scenario(operator: Operator) -> None:
        # From elsewhere, so that there is a way.
        assert (await operator.do('start_navigation', goal='corner'))['state'] == 'succeeded'
        command_id = await operator.send('start_navigation', goal=goal)
        progress = (await operator.underway(command_id))['progress']
        assert progress['distance_remaining'] >= 0
        assert progress['recoveries'] == 0
        assert set(progress['pose']) >= {'x', 'y', 'yaw'}
        end = await operator.end(command_id)
        assert end['state'] == 'succeeded', end

    play(rig, scenario)
    at = (2.0, 2.0) if isinstance(goal, dict) else (3.5, 2.0)
    assert math.dist(rig.place(), at) < 0.4


def test_it_drives_through_poses(rig):
    async def scenario(operator: Operator) -> None:
        end = await operator.do('start_navigation', goals=['corner', {'x': 3, 'y': 4}, 'shelf'])
        assert end['state'] == 'succeeded', end
        assert not end.get('result', {}).get('missed_goals')

    play(rig, scenario)
    assert rig.is_at('shelf')


def test_a_waypoint_out_of_reach_is_missed_and_the_others_are_visited(rig):
    async def scenario(operator: Operator) -> None:
        end = await operator.do(
            'start_navigation', goals=['corner', {'x': 50, 'y': 0}, 'shelf'], stop_at_each=True
        )
        assert end['state'] == 'succeeded', end
        assert end['result'] == {'missed_goals': [1]}

    play(rig, scenario)
    assert rig.is_at('shelf')


# --- goals that cannot be reached ---


@pytest.mark.parametrize(
    ('goal', 'code', 'name', 'words'),
    [
        ({'x': 50, 'y': 2}, 204, 'GOAL_OUTSIDE_MAP', 'outside'),
        ({'x': 5.0, 'y': 2.0}, 206, 'GOAL_OCCUPIED', 'obstacle'),
        ({'x': 1, 'y': 1, 'frame': 'nowhere'}, None, None, 'frame'),
    ],
)
def test_a_goal_that_cannot_be_is_reported_with_its_reason(rig, goal, code, name, words):
    async def scenario(operator: Operator) -> None:
        end = await operator.do('start_navigation', goal=goal)
        assert end['state'] == 'failed', end
        assert (end['error'].get('error_code'), end['error'].get('error_name')) in (
            (code, name),
            (9002, 'TF_ERROR') if words == 'frame' else (code, name),
        )
        assert words in end['error']['message'].lower() or end['error'].get('error_code')

    play(rig, scenario)


@pytest.mark.parametrize('value', [1e300, -1e18, 1e7])
def test_a_coordinate_that_takes_nav2_down_never_reaches_it(rig, value):
    async def scenario(operator: Operator) -> None:
        end = await operator.do('start_navigation', goal={'x': value, 'y': 0})
        assert (end['state'], end['error']['code']) == ('rejected', 'bad_parameters')
        assert (await operator.do('start_navigation', goal='shelf'))['state'] == 'succeeded'

    play(rig, scenario)


# --- other goals, cancels ---


def test_a_newer_goal_preempts_the_older(rig):
    async def scenario(operator: Operator) -> None:
        first = await operator.drive('behind_wall')
        second = await operator.send('start_navigation', goal='corner')
        end = await operator.end(first)
        assert (end['state'], end['error']['code'], end['error']['by']) == (
            'canceled',
            'preempted',
            second,
        )
        assert (await operator.end(second))['state'] == 'succeeded'

    play(rig, scenario)
    assert rig.is_at('corner')


@pytest.mark.parametrize('early', [True, False])
def test_a_cancel_stops_the_robot_early_and_late(rig, early):
    async def scenario(operator: Operator) -> None:
        command_id = await operator.send('start_navigation', goal='behind_wall')
        if not early:
            await operator.underway(command_id)
        cancel = await operator.do('cancel', command_id=command_id)
        # A cancel may overtake what it is to cancel, which ends canceled as it comes.
        overtook = early and cancel.get('error', {}).get('code') == 'nothing_to_cancel'
        assert cancel['state'] == 'succeeded' or overtook, cancel
        assert (await operator.end(command_id))['state'] == 'canceled'

    play(rig, scenario)
    assert rig.stands_within(3.0)


# --- Nav2 that comes and goes ---


def test_a_command_that_comes_while_nav2_is_inactive_waits_until_it_is_active(rig):
    async def scenario(operator: Operator) -> None:
        await asyncio.to_thread(manage, rig.graph, PAUSE)
        command_id = await operator.send('start_navigation', goal='shelf')
        await operator.client.wait_for_status(command_id, 'accepted', 'running')
        await asyncio.to_thread(bring_up, rig.graph)
        end = await operator.end(command_id)
        assert end['state'] == 'succeeded', end

    play(rig, scenario)


def test_a_command_to_a_nav2_that_stays_inactive_says_so(rig):
    async def scenario(operator: Operator) -> None:
        await asyncio.to_thread(manage, rig.graph, PAUSE)
        end = await operator.do('start_navigation', goal='shelf')
        assert (end['state'], end['error']['code']) == ('rejected', 'goal_rejected')
        assert 'bt_navigator is inactive' in end['error']['message']

    play(rig, scenario)


def test_a_command_that_comes_while_nav2_starts_waits_too(rig):
    async def scenario(operator: Operator) -> None:
        await asyncio.to_thread(manage, rig.graph, RESET)
        command_id = await operator.send('start_navigation', goal='corner')
        await asyncio.to_thread(manage, rig.graph, STARTUP)
        end = await operator.end(command_id)
        assert end['state'] == 'succeeded', end

    play(rig, scenario)


def test_a_navigator_that_dies_on_the_way_is_reported_and_the_next_goal_is_driven(rig):
    async def scenario(operator: Operator) -> None:
        command_id = await operator.drive('behind_wall')
        rig.nav2.kill('bt_navigator')
        await asyncio.to_thread(rig.nav2.restart, 'bt_navigator')
        end = await operator.end(command_id)
        assert end['state'] == 'failed', end
        assert end['error']['code'] == 'action_server_lost'
        # What drives is the controller, whose goal the dead navigator left behind.
        assert await asyncio.to_thread(rig.stands_within, 15.0)
        await asyncio.to_thread(bring_up, rig.graph)
        assert (await operator.do('start_navigation', goal='shelf'))['state'] == 'succeeded'

    play(rig, scenario)


def test_stop_stops_the_robot_of_a_dead_navigator(rig):
    async def scenario(operator: Operator) -> None:
        await operator.drive('behind_wall')
        rig.nav2.kill('bt_navigator')
        try:
            await operator.send('stop')
            assert await asyncio.to_thread(rig.stands_within, 3.0)
        finally:
            rig.nav2.restart('bt_navigator')
        await operator.do('resume')

    play(rig, scenario)


# --- a bit on from here ---


def test_it_spins_drives_on_and_backs_up(rig):
    async def scenario(operator: Operator) -> None:
        assert (await operator.do('start_navigation', goal='corner'))['state'] == 'succeeded'
        for parameters in ({'turn': 1.0}, {'turn': -1.0}, {'distance': 0.3}, {'distance': -0.3}):
            end = await operator.do('start_navigation', **parameters)
            assert end['state'] == 'succeeded', (parameters, end)

    play(rig, scenario)
    assert rig.is_at('corner', 0.6)


# --- stop, pause, teleop ---


def test_stop_stops_and_a_latched_robot_refuses_goals_until_it_resumes(rig):
    async def scenario(operator: Operator) -> None:
        command_id = await operator.drive('behind_wall')
        assert (await operator.do('stop'))['state'] == 'succeeded'
        assert await asyncio.to_thread(rig.stands_within, 2.0)
        assert (await operator.end(command_id))['state'] == 'canceled'
        refused = await operator.do('start_navigation', goal='shelf')
        assert (refused['state'], refused['error']['code']) == ('rejected', 'stopped')
        assert (await operator.do('resume'))['state'] == 'succeeded'
        assert (await operator.do('start_navigation', goal='shelf'))['state'] == 'succeeded'

    play(rig, scenario)


def test_a_paused_round_goes_on_where_it_was(rig):
    async def scenario(operator: Operator) -> None:
        command_id = await operator.send(
            'start_navigation', goals=['corner', 'shelf'], stop_at_each=True
        )
        await operator.underway(command_id)
        assert (await operator.do('pause'))['state'] == 'succeeded'
        assert await asyncio.to_thread(rig.stands_within, 3.0)
        assert (await operator.do('resume'))['state'] == 'succeeded'
        assert (await operator.end(command_id))['state'] == 'succeeded'

    play(rig, scenario)
    assert rig.is_at('shelf')


def test_teleop_takes_the_robot_from_navigation_and_lets_it_go(rig):
    async def scenario(operator: Operator) -> None:
        command_id = await operator.drive('behind_wall')
        await operator.send('teleop', linear=0.0, angular=0.3)
        end = await operator.end(command_id)
        assert (end['state'], end['error']['code']) == ('canceled', 'preempted')
        assert await asyncio.to_thread(rig.stands_within, 3.0)
        assert (await operator.do('start_navigation', goal='shelf'))['state'] == 'succeeded'

    play(rig, scenario)


# --- trees ---


@pytest.mark.parametrize(
    ('name', 'body'),
    [
        (
            'navigate',
            f'<Sequence><NavigateToPose goal="{CORNER}"/><Wait wait_duration="0.2"/>'
            '<Spin spin_dist="0.5"/></Sequence>',
        ),
        (
            'plan_and_follow',
            f'<Sequence><ComputePathToPose goal="{SHELF}" path="{{p}}"/>'
            '<FollowPath path="{p}"/></Sequence>',
        ),
        (
            'costmaps',
            '<Sequence><ClearEntireCostmap '
            'service_name="local_costmap/clear_entirely_local_costmap"/>'
            '<ClearCostmapAroundRobot service_name="local_costmap/clear_around_local_costmap" '
            'reset_distance="1"/><GetCurrentPose current_pose="{p}"/>'
            '<TransformAvailable parent="map" child="base_link"/></Sequence>',
        ),
        (
            'back_and_on',
            '<Sequence><BackUp backup_dist="0.2" backup_speed="0.1"/>'
            '<DriveOnHeading dist_to_travel="0.2" speed="0.1" time_allowance="20"/></Sequence>',
        ),
        # Asks for the robot's place at its first tick.
        (
            'by_distance',
            '<DistanceController distance="1.0"><AlwaysSuccess/></DistanceController>',
        ),
        ('by_speed', '<SpeedController><AlwaysSuccess/></SpeedController>'),
    ],
    ids=lambda value: value if '<' not in value else '',
)
def test_a_pushed_tree_with_nav2s_leaves_succeeds(rig, name, body):
    async def scenario(operator: Operator) -> None:
        end = await operator.run_tree(name, body)
        assert end['state'] == 'succeeded', end

    play(rig, scenario)


def test_a_node_says_why_its_goal_was_aborted(rig):
    async def scenario(operator: Operator) -> None:
        end = await operator.run_tree(
            'nowhere', '<ComputePathToPose goal="0;map;90;90;0;0;0;0;1" path="{p}"/>'
        )
        assert end['state'] == 'failed'
        messages = [node.get('message', '') for node in end['nodes']]
        assert any('GOAL_OUTSIDE_MAP' in message for message in messages), end

    play(rig, scenario)


@pytest.mark.parametrize(
    'name',
    [
        'navigate_to_pose_w_replanning_and_recovery',
        'navigate_w_replanning_distance',
        'navigate_w_replanning_speed',
    ],
)
def test_a_tree_that_nav2_ships_drives_with_the_bridges_engine(rig, name):
    async def scenario(operator: Operator) -> None:
        goal = SHELF if not await asyncio.to_thread(rig.is_at, 'shelf', 1.0) else CORNER
        xml = (SHIPPED / f'{name}.xml').read_text()
        await operator.store_tree(name, xml)
        end = await operator.do('run_tree', tree_name=name, blackboard={'goal': goal})
        assert end['state'] == 'succeeded', end

    play(rig, scenario)


# --- telemetry ---


def test_telemetry_has_the_pose_the_plan_the_map_and_how_navigation_goes(rig):
    async def scenario(operator: Operator) -> None:
        grid = await operator.telemetry('map')
        assert grid['width'] > 10
        assert grid['height'] > 10
        since = operator.client.seq
        command_id = await operator.drive('behind_wall')
        navigation = await operator.telemetry(
            'navigation',
            # What the test before drove may be reported last after this one began.
            lambda value: (
                value['state'] == 'executing'
                and value.get('goal', {}).get('x') == pytest.approx(7.5, abs=0.3)
            ),
            since=since,
        )
        assert navigation['action'] == 'navigate_to_pose'
        assert len((await operator.telemetry('plan', since=since))['points']) > 2
        pose = await operator.telemetry('pose', since=since)
        assert pose['frame'] == 'map'
        assert (await operator.end(command_id))['state'] == 'succeeded'
        await operator.telemetry(
            'navigation', lambda value: value['state'] == 'succeeded', since=since
        )

    play(rig, scenario)
    assert rig.is_at('behind_wall')


def test_telemetry_tells_nav2_that_is_not_active(rig):
    async def scenario(operator: Operator) -> None:
        since = operator.client.seq
        await asyncio.to_thread(manage, rig.graph, PAUSE)
        await operator.telemetry(
            'nodes',
            lambda value: value.get('lifecycle', {}).get('/bt_navigator') == 'inactive',
            since=since,
        )

    play(rig, scenario)
