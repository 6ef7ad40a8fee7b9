# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""`config plan`, `config status FOLDER` and `config inventory`: many robots at once."""

from __future__ import annotations

from collections.abc import Callable
import json
from pathlib import Path
import subprocess
from typing import Any

import pytest

from xparo_bridge.fleet.render import bundles_of
from xparo_bridge.fleet.subject import UsageError
from xparo_bridge.fleet.waves import rounds, waves
from xparo_bridge.rollout.folder import FleetFolder

ROBOTS = {
    'groups/berlin.yaml': 'vars: {site: berlin}\n',
    'groups/no-site.yaml': '',
    'robots/r1.yaml': 'groups: [berlin]\n',
    'robots/r2.yaml': 'groups: [berlin, no-site]\n',
    'robots/r3.yaml': 'x-ansible: {ansible_host: "${robot_id}.lan"}\n',
}


def git(folder: Path, *arguments: str) -> None:
    who = ['-c', 'user.name=a', '-c', 'user.email=a@b.org']
    subprocess.run(['git', '-C', str(folder), *who, *arguments], check=True)


def commit(folder: Path) -> None:
    git(folder, 'add', '-A')
    git(folder, 'commit', '-qm', 'a change')


@pytest.fixture
def folder(fleet: Callable[..., Path]) -> Path:
    """Give the folder of three robots in git."""
    made = fleet(ROBOTS)
    git(made, 'init', '-q', '-b', 'main')
    commit(made)
    return made


def report(folder: Path, to: Path, *robots: str, **more: Any) -> None:
    """Let robots report that they run what the folder holds now."""
    to.mkdir(exist_ok=True)
    for name, bundle in bundles_of(FleetFolder(folder, on_robot=False), robots).items():
        said = {
            'robot': name,
            'version': bundle.manifest.version,
            'hash': bundle.hash,
            'content': bundle.manifest.content,
            'made_from': bundle.manifest.made_from,
            'state': 'applied',
            'reason': '',
            'drift': [],
            **more,
        }
        (to / f'{name}.json').write_text(json.dumps(said))


@pytest.mark.parametrize(
    ('text', 'count', 'expected'),
    [
        ('1,10%,100%', 50, [1, 5, 44]),
        ('1,10%,100%', 5, [1, 1, 3]),
        ('1', 3, [1, 1, 1]),
        ('30%', 10, [3, 3, 3, 1]),
        ('7', 3, [3]),
        ('1', 0, []),
    ],
)
def test_waves_are_those_of_ansibles_serial(text, count, expected):
    robots = [f'r{number}' for number in range(count)]
    found = waves(robots, text)
    assert [len(wave) for wave in found] == expected
    assert [robot for wave in found for robot in wave] == robots


@pytest.mark.parametrize('text', ['', 'x', '0', '110%', '1,,2', '-1', '10%%'])
def test_waves_that_are_none_are_refused(text):
    with pytest.raises(UsageError, match='expected numbers and percentages'):
        waves(['r1'], text)


@pytest.mark.parametrize('most', [0, 1, 2, 5])
def test_in_no_round_has_a_site_more_robots_than_it_may_miss(most):
    sites = {f'r{number}': ('a', 'b', '')[number % 3] for number in range(20)}
    turns = rounds(list(sites), sites, most)
    for turn in set(turns.values()):
        for site in ('a', 'b'):
            at_once = [robot for robot in turns if turns[robot] == turn and sites[robot] == site]
            assert not most or len(at_once) <= most
    assert {turns[robot] for robot in turns if not sites[robot]} == {0}


def test_the_plan_says_waves_changes_and_who_is_left_out(folder, config, tmp_path):
    report(folder, tmp_path / 'reports', 'r1', 'r2', 'r3')
    (folder / 'groups/berlin.yaml').write_text('vars: {site: berlin}\ncommands: {dock: !remove}\n')
    git(folder, 'commit', '-qam', 'no dock in Berlin')
    (tmp_path / 'reports' / 'r2.json').unlink()
    code, said = config('plan', folder, '--reports', tmp_path / 'reports')
    assert code == 0
    assert '1 of 3 robots' in said
    assert 'wave 1 (1): r1\n' in said
    assert 'left out, no report of it: not reached: r2' in said
    assert 'left out, up to date: r3' in said
    assert '  r1:\n    loses the command dock (kind dock)' in said
    # All that could be, where nothing is known of robots.
    code, said = config('plan', folder, '--most-of-a-site', '1', '--waves', '100%')
    assert 'wave 1 (3, 2 rounds, 1 of a site at once): r1 r2 r3' in said
    assert 'not known for r1 r2 r3' in said
    code, said = config('plan', folder, '--from', 'HEAD~1', '--format', 'json', '--robot', 'r1')
    plan = json.loads(said)
    assert plan['waves'] == [{'robots': ['r1'], 'rounds': {'r1': 0}}]
    assert plan['changes'][0]['words'][0] == 'loses the command dock (kind dock)'


def test_the_status_of_a_fleet_names_each_robot_and_what_is_wrong(folder, config, tmp_path):
    reports = tmp_path / 'reports'
    assert config('status', folder)[0] == 2
    report(folder, reports, 'r1', 'r2', 'r3')
    assert config('status', folder, '--reports', reports) == (
        0,
        config('status', folder, '--reports', reports)[1],
    )
    report(folder, reports, 'r1', drift=['/store/robot.yaml:7'])
    report(folder, reports, 'r2', state='rolled back', reason='no link', version=1, content='x')
    (reports / 'r3.json').unlink()
    (reports / 'r9.json').write_text('{"robot": "r9", "hash": "x", "state": "applied"}')
    code, said = config('status', folder, '--reports', reports)
    assert code == 1
    assert 'r1: up to date' in said
    assert '    changed by hand: /store/robot.yaml:7' in said
    assert 'r2: behind: version 1' in said
    assert '    rolled back: no link' in said
    assert 'r3: unknown' in said
    assert 'r9: not in the folder' in said
    assert said.endswith('4 robots: 1 behind, 1 not in the folder, 1 unknown, 1 up to date; '
                         '1 changed by hand\n')  # fmt: skip
    found = json.loads(config('status', folder, '--reports', reports, '--format', 'json')[1])
    assert {each['robot']: each['right'] for each in found} == dict.fromkeys(
        ['r1', 'r2', 'r3', 'r9'], False
    )


@pytest.mark.parametrize(
    'text', ['', '[]', '{"drift": "x"}', '{"robot": "r2"}', '{"version": "x"}', '{"drift": [}']
)
def test_a_file_that_is_no_report_is_named(folder, config, tmp_path, text):
    (tmp_path / 'r1.json').write_text(text)
    code, said = config('status', folder, '--reports', tmp_path)
    assert code == 2
    assert f'{tmp_path}/r1.json: not what config status --format json prints' in said


@pytest.mark.parametrize('url', ['http://a.org', 'ws://', 'ws://127.0.0.1:9'])
def test_a_platform_that_cannot_be_asked_is_named(folder, config, url):
    code, said = config('status', folder, '--platform', url)
    assert code == 2
    assert f'--platform {url}: ' in said


def test_the_folder_is_an_inventory(folder, config):
    code, said = config('inventory', folder, '--list')
    found = json.loads(said)
    assert code == 0
    assert found['fleet']['hosts'] == ['r1', 'r2', 'r3']
    assert found['berlin'] == {'hosts': ['r1', 'r2']}
    assert found['no_site'] == {'hosts': ['r2']}
    assert found['_meta']['hostvars'] == {
        'r1': {'xparo_robot': 'r1', 'xparo_site': 'berlin'},
        'r2': {'xparo_robot': 'r2', 'xparo_site': 'berlin'},
        'r3': {'xparo_robot': 'r3', 'xparo_site': '', 'ansible_host': 'r3.lan'},
    }
    assert json.loads(config('inventory', folder, '--host', 'r3')[1])['ansible_host'] == 'r3.lan'


@pytest.mark.parametrize(
    ('path', 'text', 'expected'),
    [
        ('groups/fleet.yaml', 'groups: [fleet]\n', 'group fleet: '),
        ('groups/all.yaml', 'groups: [all]\n', 'group all: '),
        ('robots/localhost.yaml', '', 'robot localhost: '),
        ('groups/x.yaml', 'x-ansible: [1]\n', 'r1: x-ansible: expected variables'),
        ('groups/x.yaml', 'x-ansible: {ansible_host: "${nobody}"}\n', 'nobody'),
    ],
)
def test_what_ansible_would_take_for_something_else_is_named(folder, config, path, text, expected):
    (folder / path).write_text('')
    (folder / 'robots' / 'r1.yaml').write_text(text)
    code, said = config('inventory', folder)
    assert code == 1
    assert expected in said


def test_all_bundles_are_rendered_at_once_and_old_ones_go(folder, config, tmp_path):
    output = tmp_path / 'bundles'
    assert config('render', '--all', '--folder', folder, '-o', output)[0] == 0
    assert sorted(path.name for path in output.iterdir()) == ['r1.tar', 'r2.tar', 'r3.tar']
    (folder / 'robots/r3.yaml').unlink()
    assert config('render', '--all', '--folder', folder, '-o', output)[0] == 0
    assert sorted(path.name for path in output.iterdir()) == ['r1.tar', 'r2.tar']
    for name in ('notes.txt', 'holiday.tar'):
        (output / name).write_text('mine')
        assert config('render', '--all', '--folder', folder, '-o', output)[0] == 2
        assert (output / name).read_text() == 'mine'
        (output / name).unlink()
    assert config('render', '--folder', folder, '-o', output)[0] == 2
