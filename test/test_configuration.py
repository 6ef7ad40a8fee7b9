# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Configuration: layers, checks, and errors that lead to the line."""

from pathlib import Path

import pytest

from xparo_bridge.configuration import ConfigurationError, load
from xparo_bridge.share import share

LINK = 'links:\n  - {name: platform, protocol: xparo, url: "wss://example.org/ws"}\n'


@pytest.fixture
def file(tmp_path: Path):
    """Write a file, return its path."""

    def write(text: str, name: str = 'robot.yaml') -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def problems_of(*files: Path) -> list[str]:
    """Load files that must not load."""
    with pytest.raises(ConfigurationError) as caught:
        load(files)
    return caught.value.problems


def test_the_files_of_the_package_load():
    names = ['bridge.yaml', 'commands.yaml', 'places.yaml', 'demo.yaml']
    configuration = load([share('config', name) for name in names])
    assert configuration['robot_id'] == 'demo_robot'
    assert 'table_4' in configuration['places']


def test_later_files_win_key_by_key(file):
    fleet = file(LINK + 'places:\n  a: {x: 1, y: 1}\n  b: {x: 2, y: 2}\n', 'fleet.yaml')
    robot = file('places:\n  b: {x: 3}\n  c: {x: 4, y: 4}\n')
    places = load([fleet, robot])['places']
    assert places['a']['x'] == 1
    assert (places['b']['x'], places['b']['y']) == (3, 2)
    assert places['c'] == {'x': 4, 'y': 4, 'yaw': 0.0, 'frame': 'map'}


def test_defaults_of_the_schema_are_filled_in(file):
    link = load([file(LINK)])['links'][0]
    assert link['heartbeat'] == {'interval': 10.0, 'timeout': 10.0}
    assert link['allow_insecure'] is False


def test_defaults_of_two_links_are_not_shared(file):
    two = LINK + '  - {name: second, protocol: xparo, url: "wss://b.org/ws"}\n'
    first, second = load([file(two)])['links']
    assert first['backoff'] is not second['backoff']


def test_every_problem_is_reported_with_file_line_and_key(file):
    path = file(
        'links:\n'
        '  - name: platform\n'
        '    protocl: xparo\n'
        '    url: http://example.org\n'
        'chat:\n'
        '  timeout: soon\n'
    )
    problems = problems_of(path)
    assert len(problems) == 4
    assert any(
        p.startswith(f'{path}:3: links[0].protocl: ') and '"protocol"' in p for p in problems
    )
    assert any(
        p.startswith(f'{path}:2: links[0]: ') and "'protocol' is a required" in p for p in problems
    )
    assert any(p.startswith(f'{path}:4: links[0].url: ') and 'wss://' in p for p in problems)
    assert any(p.startswith(f'{path}:6: chat.timeout: ') and 'number' in p for p in problems)


def test_an_error_names_the_file_that_holds_the_value(file):
    fleet = file(LINK + 'chat: {timeout: 3}\n', 'fleet.yaml')
    robot = file('\nchat:\n  timeout: -1\n')
    assert problems_of(fleet, robot)[0].startswith(f'{robot}:3: chat.timeout: ')


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('a: [1\nb: 2\n', 'not YAML'),
        ('- 1\n', 'holds no map'),
        ('chat: {}\nchat: {}\n', 'chat: the key stands twice, first in line 1; put what'),
        ('a: !!python/object/apply:os.getcwd []\n', 'not YAML'),
        ('a: &a [*a]\n', 'holds itself'),
        ('? [a, b]\n: 1\n', 'a key must be plain text'),
    ],
)
def test_what_is_no_configuration_is_refused_with_its_place(file, text, expected):
    assert expected in ' '.join(problems_of(file(text)))


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / 'robot.yaml'
    path.write_bytes(b'a: \xff\xfe\n')
    assert problems_of(path) == [f'{path}:1: not UTF-8 text; save the file in this encoding']


def test_a_missing_file_is_named(tmp_path):
    assert 'No such file' in problems_of(tmp_path / 'none.yaml')[0]


def test_secrets_do_not_belong_into_configuration(file):
    text = LINK.replace('}', ', secret_key: abc}')
    (problem,) = problems_of(file(text))
    assert 'XPARO_SECRET_KEY' in problem
    assert 'credentials_file' in problem
    assert 'abc' not in problem
