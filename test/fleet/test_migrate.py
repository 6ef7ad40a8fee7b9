# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""`config migrate`: older files become today's, with their comments; and `config schema`."""

from __future__ import annotations

import json

import jsonschema
import pytest
import yaml

from xparo_bridge.share import share

OLD = """\
# Our robot.
links:
- {name: platform, protocol: xparo, url: "wss://a.org/ws"}   # the site's

commands:
  # By hand.
  teleop:
    topic: /cmd_vel_joy   # the multiplexer
    stamped: true
    max_linear: 0.3   # m/s
  dock: !remove
  stop: {velocity_topic: /cmd_vel_joy}
"""
COMMENTS = ('# Our robot.', "# the site's", '# By hand.', '# the multiplexer', '# m/s')


def test_settings_that_have_moved_are_moved_and_comments_are_kept(config, tmp_path):
    file = tmp_path / 'robot.yaml'
    file.write_text(OLD)
    code, said = config('migrate', file)
    assert code == 0
    assert 'nothing was changed; --write does it' in said
    assert file.read_text() == OLD
    assert config('migrate', file, '--write')[0] == 0
    text = file.read_text()
    tree = yaml.load(text.replace('!remove', 'null'), yaml.SafeLoader)
    assert tree['base'] == {'topic': '/cmd_vel_joy', 'message': 'TwistStamped'}
    assert tree['commands']['teleop'] == {'max_linear': 0.3}
    assert 'dock: !remove' in text
    assert all(comment in text for comment in COMMENTS)
    assert config('migrate', file)[1] == 'all is in the form of today\n'


def test_a_setting_that_differs_from_another_is_left_to_its_author(config, tmp_path):
    file = tmp_path / 'robot.yaml'
    file.write_text(OLD.replace('{velocity_topic: /cmd_vel_joy}', '{velocity_topic: /other}'))
    said = config('migrate', file, '--write')[1]
    assert 'commands.stop.velocity_topic differs from base.topic, /cmd_vel_joy' in said
    assert 'velocity_topic: /other' in file.read_text()


def test_robots_beside_fleet_yaml_go_into_their_folder(config, tmp_path):
    (tmp_path / 'fleet.yaml').write_text(OLD)
    (tmp_path / 'robot_7.yaml').write_text('# Seven.\nchat: {timeout: 3.0}\n')
    said = config('migrate', tmp_path, '--write')[1]
    assert 'files of robots are in robots/' in said
    assert (tmp_path / 'robots' / 'robot_7.yaml').read_text() == '# Seven.\nchat: {timeout: 3.0}\n'
    assert not (tmp_path / 'robot_7.yaml').exists()
    assert config('check', tmp_path, '--no-ros')[0] == 0


def test_what_is_no_yaml_is_reported(config, tmp_path):
    (tmp_path / 'a.yaml').write_text('a: [\n')
    assert config('migrate', tmp_path / 'a.yaml')[0] == 1
    assert config('migrate', tmp_path / 'none.yaml')[0] == 2


@pytest.mark.parametrize('file', sorted(share('config', 'fleet').rglob('*s/*.yaml')), ids=str)
def test_the_schema_for_editors_takes_the_files_of_the_sample(config, file):
    if file.parent.name in ('places', 'tests'):
        pytest.skip('no layer of a configuration')
    schema = json.loads(config('schema')[1])
    text = file.read_text().replace('!remove', 'null').replace('!file ', '')
    tree = yaml.safe_load(text)
    if isinstance(tree.get('places'), str):
        del tree['places']
    tree.get('commands', {}).pop('dock', None)
    tree.get('commands', {}).pop('undock', None)
    jsonschema.Draft202012Validator(schema).validate(tree)


def test_the_schema_for_editors_knows_the_settings_of_kinds(config):
    schema = json.loads(config('schema')[1])
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid({'commands': {'go': {'kind': 'navigate', 'timeout': 3.0}}})
    assert not validator.is_valid({'commands': {'go': {'kind': 'navigate', 'timeuot': 3.0}}})
    alone = jsonschema.Draft202012Validator(json.loads(config('schema', '--alone')[1]))
    assert not alone.is_valid({'chat': {'timeout': 3.0}})


def test_what_is_no_text_is_refused_in_words(config, tmp_path):
    file = tmp_path / 'robot.yaml'
    file.write_bytes(b'robot_id: \xff\n')
    code, said = config('migrate', file)
    assert code == 2
    assert 'line 1 is not UTF-8' in said
