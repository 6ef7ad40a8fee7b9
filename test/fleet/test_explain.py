# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""`config explain`: every value leads to where it came from and what it took the place of."""

from __future__ import annotations

import json

import pytest
import yaml

from xparo_bridge.share import share

FLEET = {
    'fleet.yaml': (
        'vars: {host: a.org}\n'
        'links:\n  - {name: platform, protocol: xparo, url: "wss://${host}/ws"}\n'
        'chat: {timeout: 3.0}\n'
    ),
    'groups/hall.yaml': 'chat: {timeout: 4.0}\nhead: {frame: hall}\n',
    'robots/r7.yaml': (
        'groups: [hall]\n\nchat:\n  timeout: 5.0\nlinks: [{name: platform, open_timeout: 2.0}]\n'
    ),
}


@pytest.fixture
def explain(fleet, config):
    """Run `config explain r7` with a key; what it printed."""
    folder = fleet(FLEET)

    def run(*arguments: str) -> str:
        code, said = config('explain', 'r7', *arguments, '--folder', folder)
        assert code == 0, said
        return said

    return run


def test_a_value_is_reported_with_its_place_and_all_that_it_took_the_place_of(explain):
    assert explain('chat.timeout') == (
        'chat.timeout = 5.0  robots/r7.yaml:4\n'
        '    in place of 4.0  groups/hall.yaml:1\n'
        '    in place of 3.0  fleet.yaml:4\n'
        '    in place of 20.0  package:bridge.yaml:13\n'
    )


@pytest.mark.parametrize('key', ['links[0].url', 'links.platform.url'])
def test_a_variable_is_reported_with_its_own_place(explain, key):
    assert explain(key) == (
        'links[0].url = "wss://a.org/ws"  fleet.yaml:3, written "wss://${host}/ws"\n'
        '    host is a.org  fleet.yaml:1\n'
    )


def test_a_value_that_no_file_has_is_reported_as_the_default(explain):
    assert explain('links.platform.heartbeat.interval') == (
        "links[0].heartbeat.interval = 10.0  the bridge's default\n"
    )


def test_without_a_key_all_that_files_say_is_reported_and_defaults_when_asked_for(explain):
    assert 'head.frame = hall  groups/hall.yaml:2\n' in explain()
    assert 'heartbeat' not in explain()
    assert 'heartbeat' in explain('--defaults')


def test_it_is_reported_as_json(explain):
    (found,) = json.loads(explain('chat.timeout', '--format', 'json'))
    assert found['from'] == 'robots/r7.yaml:4'
    assert [each['value'] for each in found['overrode']] == [4.0, 3.0, 20.0]


def test_the_merged_yaml_reads_back_as_the_same_with_the_places_behind_the_values(explain):
    text = explain('--format', 'yaml')
    merged = yaml.safe_load(text)
    assert merged['chat'] == {'timeout': 5.0}
    assert merged['links'][0]['url'] == 'wss://a.org/ws'
    assert any(line.endswith('# robots/r7.yaml:4') for line in text.splitlines())
    assert list(yaml.safe_load(explain('chat', '--format', 'yaml'))) == ['chat']


@pytest.mark.parametrize(
    ('arguments', 'expected'),
    [
        (['r8'], 'no robot "r8"; known: r7'),
        (['r7', 'chat.timeot'], 'no timeot in chat; did you mean "timeout"?'),
        (['r7', 'links.plat'], 'no plat in links; did you mean "platform"?'),
        (['r7', 'links[3]'], 'no 3 in links; there is platform'),
        (['r7', '..'], 'expected a key such as'),
    ],
)
def test_what_is_not_there_is_reported(fleet, config, arguments, expected):
    code, said = config('explain', *arguments, '--folder', fleet(FLEET))
    assert code != 0
    assert expected in said


def test_a_folder_that_is_none_is_reported(config, tmp_path):
    code, said = config('explain', 'r7', '--folder', tmp_path)
    assert code == 2
    assert 'not the folder of a fleet' in said


def test_each_value_of_the_sample_has_a_place(config):
    folder = share('config', 'fleet')
    code, said = config('explain', 'robot_2', '--folder', folder, '--format', 'json')
    assert code == 0
    assert all(each['from'] for each in json.loads(said))
