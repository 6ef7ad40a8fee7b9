# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What of a configuration a bridge takes while it runs, and what it starts itself anew for."""

from __future__ import annotations

from collections.abc import Callable
import copy
from pathlib import Path
from typing import Any

import pytest

from xparo_bridge.configuration import checked, SchemaOfFiles
from xparo_bridge.fleet.powers import taken
from xparo_bridge.fleet.render import bundles_of
from xparo_bridge.rollout.folder import FleetFolder
from xparo_bridge.rollout.live import LIVE, needs_restart, taken_while_running
from xparo_bridge.rollout.source import of_bundle
from xparo_bridge.rollout.store import Store
from xparo_bridge.rollout.trial import promised

SECTIONS = sorted(SchemaOfFiles().schema['properties'])
BASE: dict[str, Any] = {
    'links': [{'name': 'a', 'protocol': 'xparo', 'url': 'wss://a.org'}],
    'telemetry': {
        'groups': {'system': {}, 'battery': {}},
        'topics': [{'topic': '/odom', 'type': 'nav_msgs/msg/Odometry', 'fields': 'pose'}],
    },
}


def data() -> dict[str, Any]:
    return copy.deepcopy(checked(copy.deepcopy(BASE)).data)


@pytest.mark.parametrize('section', SECTIONS)
def test_each_section_of_the_schema_is_taken_live_or_needs_a_restart(section):
    before, after = data(), data()
    if section == 'telemetry':
        after[section]['period'] = 7.0
    else:
        after[section] = {'something': 'else'}
    assert needs_restart(before, after) == ([] if section in LIVE else [section])


@pytest.mark.parametrize(
    ('section', 'value', 'expected'),
    [
        ('places', {'home': {'x': 1.0, 'y': 2.0, 'yaw': 0.0}}, 'without starting itself anew'),
        ('commands', {'halt': {'kind': 'stop'}}, 'starts itself anew'),
    ],
)
def test_a_plan_says_whether_the_bridge_starts_itself_anew(section, value, expected):
    after = checked({**copy.deepcopy(BASE), section: value}).data
    assert expected in taken(data(), after)


@pytest.mark.parametrize(
    ('change', 'expected'),
    [
        (lambda telemetry: telemetry['groups']['battery'].update(period=9.0), []),
        (lambda telemetry: telemetry['groups']['battery'].update(enabled=False), []),
        (lambda telemetry: telemetry['topics'][0].update(fields='twist'), []),
        (lambda telemetry: telemetry['topics'][0].update(max_rate=3.0), []),
        (lambda telemetry: telemetry['topics'][0].update(topic='/odometry'), ['telemetry.topics']),
        (lambda telemetry: telemetry['topics'][0].update(every_sample=True), ['telemetry.topics']),
        (lambda telemetry: telemetry['topics'].clear(), ['telemetry.topics']),
        (lambda telemetry: telemetry['groups'].pop('battery'), ['telemetry.groups']),
        (lambda telemetry: telemetry.update(log={'level': 'ERROR'}), ['telemetry.log']),
    ],
)
def test_of_the_telemetry_what_there_is_changes_live_and_other_names_need_a_restart(
    change: Callable[[Any], object], expected: list[str]
):
    after = data()
    change(after['telemetry'])
    assert needs_restart(data(), after) == expected


@pytest.fixture
def release(fleet, tmp_path) -> Callable[..., Path]:
    """Stage releases of a fleet's folder that has these files; the folder of one."""
    store = Store(tmp_path / 'store')
    versions = iter(range(1, 9))

    def stage(files: dict[str, str]) -> Path:
        folder = FleetFolder(fleet(files), on_robot=False)
        bundle = bundles_of(folder, ['r7'], version=next(versions))['r7']
        return store.folder(store.stage(bundle))

    return stage


TREE = '<root BTCPP_format="4"><BehaviorTree ID="t"><AlwaysSuccess/></BehaviorTree></root>\n'
ROBOT = 'trees: {folder: trees}\nplaces: {home: {x: %s, y: 0, yaw: 0}}\n'


def test_files_that_are_the_same_are_read_from_where_the_bridge_has_them(release):
    first = release({'robots/r7.yaml': ROBOT % 1, 'trees/a.xml': TREE})
    second = release({'robots/r7.yaml': ROBOT % 2, 'trees/a.xml': TREE})
    running = of_bundle(first).configuration
    taken = taken_while_running(running.data, first, first, second)
    assert taken is not None
    assert taken['places']['home']['x'] == 2
    assert taken['trees'] == running['trees']
    # What runs is known by where it came from, for what is told of it.
    assert taken.layers.layers[0].path.parent == second
    changed = release({'robots/r7.yaml': ROBOT % 2, 'trees/a.xml': TREE + '<!-- -->'})
    assert taken_while_running(taken.data, first, second, changed) is None


def test_keys_that_are_to_be_sent_anew_are_those_of_what_has_changed():
    two = checked(
        {
            **BASE,
            'telemetry': {
                'groups': {'system': {}, 'battery': {}},
                'topics': [
                    {'topic': '/odom', 'type': 'nav_msgs/msg/Odometry', 'fields': fields}
                    for fields in ('pose', 'twist')
                ],
            },
        }
    ).data
    assert promised(two, {'battery'}) == {'battery_percentage'}
    assert promised(two, {'/odom#2'}) == {'twist'}
    assert promised(two) >= {'cpu_usage', 'battery_percentage', 'pose', 'twist'}


def test_another_namespace_needs_a_restart(release):
    first = release({'robots/r7.yaml': 'launch: {namespace: a}\n'})
    second = release({'robots/r7.yaml': 'launch: {namespace: b}\n'})
    third = release({'robots/r7.yaml': 'launch: {namespace: b}\nplaces: {home: {x: 1, y: 0}}\n'})
    running = of_bundle(first).configuration
    assert taken_while_running(running.data, first, first, second) is None
    assert taken_while_running(running.data, second, second, third) is not None
