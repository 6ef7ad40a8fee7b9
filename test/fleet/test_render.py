# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""`config render`: the bundle of a robot reads back as the robot that the folder describes."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given, HealthCheck, settings
from hypothesis import strategies as st
import pytest
import yaml

from xparo_bridge.configuration import ConfigurationError
from xparo_bridge.fleet.subject import folder_of
from xparo_bridge.rollout.bundle import Bundle
from xparo_bridge.rollout.manifest import BundleError
from xparo_bridge.rollout.rendering import render
from xparo_bridge.rollout.source import of_bundle, read_configuration
from xparo_bridge.share import share

LINK = 'links:\n  - {name: platform, protocol: xparo, url: "wss://${host}/ws"}\n'
ROBOT = {
    'fleet.yaml': 'vars: {host: a.org}\n' + LINK + 'trees: {folder: trees}\n',
    'trees/a.xml': '<root/>\n',
    'robots/r7.yaml': (
        'launch: {namespace: "${robot_id}"}\n'
        'head: {frame: "$${host}"}\n'
        'commands: {dock: !remove, tell: {kind: publish, topic: t, type: std_msgs/msg/String, '
        'message: {data: "${host} ${text} $${host}"}, parameters: {text: {type: string}}}}\n'
    ),
}


@pytest.mark.parametrize('robot', ['robot_1', 'robot_2'])
def test_the_bundles_of_the_sample_are_the_samples_robots(config, tmp_path, robot):
    folder = share('config', 'fleet')
    assert config('render', robot, '--folder', folder, '-o', tmp_path / 'b')[0] == 0
    rendered = read_configuration([tmp_path / 'b'], robot).data
    direct = folder_of(str(folder)).member(robot).configuration.data
    assert Path(rendered['trees']['folder']) == tmp_path / 'b' / 'trees'
    assert {**rendered, 'trees': None} == {**direct, 'trees': None}


def test_variables_paths_and_the_launch_of_a_robot_travel(fleet, config, tmp_path):
    folder = fleet(ROBOT)
    assert config('render', 'r7', '--folder', folder, '-o', tmp_path / 'b')[0] == 0
    member = of_bundle(tmp_path / 'b', 'r7')
    data = member.configuration.data
    assert data['links'][0]['url'] == 'wss://a.org/ws'
    assert data['head']['frame'] == '${host}'
    assert data['commands']['tell']['message']['data'] == 'a.org ${text} $${host}'
    assert 'dock' not in data['commands']
    assert member.launch.namespace == 'r7'
    assert (tmp_path / 'b' / 'trees' / 'a.xml').is_file()
    with pytest.raises(ConfigurationError, match='the configuration is of r7, this is r8'):
        of_bundle(tmp_path / 'b', 'r8')


def test_the_same_makes_the_same_bundle_as_a_folder_and_as_a_file(fleet, config, tmp_path):
    folder = fleet(ROBOT)
    version = ['--version', '3']
    for name in ('a.tar', 'b.tar', 'c'):
        config('render', 'r7', '--folder', folder, '-o', tmp_path / name, *version)
    manifests = [Bundle.read(tmp_path / name) for name in ('a.tar', 'c')]
    assert manifests[0].files == manifests[1].files
    assert manifests[0].manifest.version == 3


def test_the_manifest_says_what_was_merged(fleet, config, tmp_path):
    config('render', 'r7', '--folder', fleet(ROBOT), '-o', tmp_path / 'b')
    manifest = json.loads((tmp_path / 'b' / 'manifest.json').read_text())
    assert manifest['layers'][-2:] == ['fleet.yaml', 'robots/r7.yaml']
    assert manifest['robot'] == 'r7'
    assert manifest['made_from'] == 'no repository'


def test_a_wrong_configuration_is_not_rendered(fleet, config, tmp_path):
    folder = fleet({'robots/r7.yaml': 'chat: {timeout: 0}\n'})
    code, said = config('render', 'r7', '--folder', folder, '-o', tmp_path / 'b')
    assert code == 1
    assert 'chat.timeout' in said
    assert not (tmp_path / 'b').exists()


def test_a_folder_with_something_else_is_not_replaced(fleet, config, tmp_path):
    other = tmp_path / 'other'
    other.mkdir()
    (other / 'precious').touch()
    assert config('render', 'r7', '--folder', fleet(ROBOT), '-o', other)[0] == 2
    assert (other / 'precious').exists()


def test_a_link_out_of_the_folder_is_not_followed(fleet, config, tmp_path):
    folder = fleet(ROBOT)
    (tmp_path / 'secret').write_text('s3cr3t')
    (folder / 'trees' / 'b.xml').symlink_to(tmp_path / 'secret')
    code, said = config('render', 'r7', '--folder', folder, '-o', tmp_path / 'b')
    assert code == 1
    assert 'leads out of the folder' in said


@pytest.fixture
def bundle(fleet, config, tmp_path):
    """A bundle in a folder."""
    config('render', 'r7', '--folder', fleet(ROBOT), '-o', tmp_path / 'bundle')
    return tmp_path / 'bundle'


def test_a_bundle_that_was_changed_is_refused_with_file_and_line(bundle):
    file = bundle / 'robot.yaml'
    lines = file.read_text().splitlines(True)
    lines[3] = lines[3].replace('20', '30')
    file.write_text(''.join(lines))
    with pytest.raises(BundleError, match=r'robot\.yaml:4: changed after the bundle was made'):
        Bundle.read(bundle)


@pytest.mark.parametrize(
    ('damage', 'expected'),
    [
        (lambda b: (b / 'trees' / 'a.xml').unlink(), 'trees/a.xml is missing'),
        (lambda b: (b / 'more').touch(), 'more is not in manifest.json'),
        (lambda b: (b / 'manifest.json').unlink(), 'this is no bundle'),
        (lambda b: (b / 'manifest.json').write_text('{}'), 'not one of a bundle'),
        (lambda b: (b / 'manifest.json').write_text('['), 'not one of a bundle'),
        (lambda b: (b / 'signatures.json').write_text('[]'), 'expected signatures by key'),
        (lambda b: (b / 'more').symlink_to('/etc/hostname'), 'only plain files'),
    ],
)
def test_a_bundle_that_is_not_whole_is_refused(bundle, damage, expected):
    damage(bundle)
    with pytest.raises(BundleError, match=expected):
        Bundle.read(bundle)


@pytest.mark.parametrize('name', ['../up', '/etc/passwd', 'a/../../b', 'a\\b', './a'])
def test_a_manifest_names_no_file_outside_its_bundle(bundle, name):
    text = (bundle / 'manifest.json').read_text()
    (bundle / 'manifest.json').write_text(text.replace('"trees/a.xml"', json.dumps(name)))
    with pytest.raises(BundleError, match='no path below the bundle'):
        Bundle.read(bundle)


@pytest.mark.parametrize('cut', [0, 1, 511, 512, 1000, 5000])
def test_a_file_that_was_cut_is_refused(fleet, config, tmp_path, cut):
    config('render', 'r7', '--folder', fleet(ROBOT), '-o', tmp_path / 'b.tar')
    whole = (tmp_path / 'b.tar').read_bytes()
    (tmp_path / 'b.tar').write_bytes(whole[:cut])
    with pytest.raises(BundleError):
        Bundle.read(tmp_path / 'b.tar')


TEXT = st.text(st.characters(codec='utf-8'), max_size=20)
SCALARS = st.one_of(
    TEXT,
    st.sampled_from(['on', 'null', '~', '1e3', '1:30', '010', '', ' a', 'a: b', '- a', '#x', "'"]),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.parametrize(
    'character',
    [
        '\0',
        '\x1f',
        '\x7f',
        '\x85',
        '\x9f',
        '\u2028',
        '\u2029',
        '\ufeff',
        '\ufffd',
        '\ufffe',
        '\uffff',
    ],
)
@pytest.mark.parametrize('text', ['{}', 'a{}b', ' {}\n'])
def test_a_character_that_yaml_does_not_take_as_it_is_reads_back(text, character):
    tree = {text.format(character): [text.format(character)]}
    assert yaml.safe_load(render(tree)) == tree


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # A machine may be slow.
@given(st.dictionaries(TEXT, TREES, max_size=4))
def test_what_is_rendered_reads_back_as_the_same(tree):
    assert (yaml.safe_load(render(tree, lambda path: 'place # 1')) or {}) == tree
