# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does the simulated floor hold together: walls, rays, paths, driving, and the named places."""

import math
from pathlib import Path

import numpy as np
import pytest
import yaml

from xparo_bridge.local.sim.battery import Battery
from xparo_bridge.local.sim.drive import COMMAND_TIMEOUT, Drive, Limits, Pose, RADIUS
from xparo_bridge.local.sim.path_follower import PathFollower
from xparo_bridge.local.sim.planner import length, Planner, PlanningError
from xparo_bridge.local.sim.world import Rectangle, restaurant, World

PLACES = yaml.safe_load((Path(__file__).parents[2] / 'config' / 'places.yaml').read_text())[
    'places'
]
ENTRANCE = (0.8, 4.0)
STEP = 0.02


@pytest.fixture(scope='module')
def world():
    return restaurant()


@pytest.fixture(scope='module')
def planner(world):
    return Planner(world, RADIUS)


def test_clearance_is_the_distance_to_the_nearest_solid_and_zero_inside(world):
    room = World(4.0, 4.0, (Rectangle(0.0, 0.0, 1.0, 4.0),))
    assert room.clearance(3.0, 2.0) == pytest.approx(2.0)
    assert room.clearance(0.5, 2.0) == 0.0
    assert room.clearance(-1.0, 2.0) == 0.0
    grid = world.clearance_grid(0.1)
    assert grid.shape == (80, 120)
    assert grid[40, 8] == pytest.approx(world.clearance(0.85, 4.05))


def test_rays_stop_at_the_first_solid_and_nothing_is_infinitely_far():
    room = World(10.0, 10.0, (Rectangle(6.0, 0.0, 7.0, 10.0), Rectangle(8.0, 0.0, 9.0, 10.0)))
    ranges = room.ranges(2.0, 5.0, np.array([0.0, math.pi / 4, math.pi]), 20.0)
    assert ranges[0] == pytest.approx(4.0)
    assert ranges[1] == pytest.approx(4.0 * math.sqrt(2))
    assert math.isinf(ranges[2])
    assert math.isinf(room.ranges(2.0, 5.0, np.array([0.0]), 3.0)[0])


def test_every_ray_inside_the_restaurant_hits_a_wall(world):
    ranges = world.ranges(*ENTRANCE, np.linspace(-math.pi, math.pi, 360, endpoint=False), 20.0)
    assert np.isfinite(ranges).all()
    assert ranges.min() >= world.clearance(*ENTRANCE) - 1e-9


@pytest.mark.parametrize('name', PLACES)
def test_every_named_place_can_be_reached_from_the_entrance(world, planner, name):
    place = PLACES[name]
    path = planner.plan(ENTRANCE, (place['x'], place['y']))
    assert path[0] == pytest.approx(ENTRANCE)
    assert path[-1] == pytest.approx((place['x'], place['y']))
    assert min(world.clearance(x, y) for x, y in path) >= RADIUS - 0.05
    straight = math.dist(ENTRANCE, (place['x'], place['y']))
    assert straight <= length(path) + 1e-9 < 2.0 * straight + 1.0


@pytest.mark.parametrize(
    ('goal', 'error'),
    [
        ((2.5, 1.8), 'GOAL_OCCUPIED'),
        ((30.0, 1.0), 'GOAL_OUTSIDE_MAP'),
        ((10.0, 7.2), 'NO_VALID_PATH'),
    ],
)
def test_what_cannot_be_reached_has_the_name_of_its_error(planner, goal, error):
    with pytest.raises(PlanningError) as caught:
        planner.plan(ENTRANCE, goal)
    assert caught.value.name == error


@pytest.mark.parametrize('factor', [1.0, 3.0, 6.0])
@pytest.mark.parametrize('name', PLACES)
def test_the_robot_arrives_where_it_was_sent_and_touches_nothing(world, planner, name, factor):
    place = PLACES[name]
    drive = Drive(world, Pose(*ENTRANCE, 0.0), Limits().times(factor))
    follower = PathFollower(planner.plan(ENTRANCE, (place['x'], place['y'])), place['yaw'])
    steps = 0
    while not follower.steer(drive):
        drive.step(STEP)
        assert not drive.bumped
        steps += 1
        assert steps * STEP < 60.0
    assert drive.pose.distance(Pose(place['x'], place['y'], 0.0)) < 0.15
    assert abs(math.remainder(drive.pose.yaw - place['yaw'], math.tau)) < 0.15


def test_the_remaining_distance_counts_down(world, planner):
    drive = Drive(world, Pose(*ENTRANCE, 0.0))
    follower = PathFollower(planner.plan(ENTRANCE, (7.0, 2.6)), None)
    seen = []
    while not follower.steer(drive):
        drive.step(STEP)
        seen.append(follower.distance_remaining)
    assert seen[0] > 6.0
    assert seen[-1] < 0.1
    assert all(later <= earlier + 0.05 for earlier, later in zip(seen, seen[1:], strict=False))


def test_acceleration_and_speed_keep_within_the_limits(world):
    drive = Drive(world, Pose(*ENTRANCE, 0.0))
    speeds = [0.0]
    for _ in range(100):
        drive.command(10.0, 0.0)
        drive.step(STEP)
        speeds.append(drive.speed)
    assert max(speeds) == pytest.approx(0.5)
    assert max(np.diff(speeds)) <= 0.8 * STEP + 1e-9


def test_a_command_that_is_not_renewed_runs_out(world):
    drive = Drive(world, Pose(*ENTRANCE, 0.0))
    drive.command(0.5, 0.0)
    for _ in range(round((COMMAND_TIMEOUT + 1.0) / STEP)):
        drive.step(STEP)
    assert drive.speed == 0.0


def test_a_wall_stops_the_robot_and_lets_it_back_off(world):
    drive = Drive(world, Pose(0.8, 4.0, math.pi))
    for _ in range(200):
        drive.command(0.5, 0.0)
        drive.step(STEP)
    assert drive.bumped
    assert world.clearance(drive.pose.x, drive.pose.y) >= RADIUS
    stuck = drive.pose
    for _ in range(50):
        drive.command(-0.5, 0.0)
        drive.step(STEP)
    assert drive.pose.x > stuck.x + 0.2


def test_the_battery_empties_faster_when_driving_and_fills_on_the_dock():
    idle, driving, charging = (Battery(20.0, 0.5) for _ in range(3))
    for _ in range(300):
        idle.step(1.0, 0.0, False)
        driving.step(1.0, 1.0, False)
        charging.step(1.0, 0.0, True)
    assert 0.0 < driving.level < idle.level < 0.5 < charging.level <= 1.0
    assert driving.current < 0.0 < Battery(20.0, 0.5).voltage
    full = Battery(20.0, 0.999)
    full.step(3600.0, 0.0, True)
    assert full.level == 1.0
    assert full.current > 0.0
