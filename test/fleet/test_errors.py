# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Errors of `config` that no other test causes: each is one line that says what would be right."""

from __future__ import annotations

from collections.abc import Callable
import io
import json
from pathlib import Path
import socket
import subprocess
import sys
import tarfile

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
import pytest

from xparo_bridge.fleet import reports
from xparo_bridge.fleet.subject import UsageError
from xparo_bridge.rollout.bundle import Bundle, MAX_BYTES
from xparo_bridge.rollout.folder import FleetFolder
from xparo_bridge.rollout.manifest import BundleError
from xparo_bridge.rollout.signing import private_key_of, public_key_of

ROBOT = {'robots/r7.yaml': ''}
LINK = 'links:\n  - {name: platform, protocol: xparo, url: "wss://a.org/ws"}\n'

# The arguments, {folder} and {tmp} in them; the exit code; words of the error.
VERBS = {
    'a tree of another folder for files': (
        ['check', '{folder}', '{folder}/fleet.yaml'],
        2,
        'expected the folder of one fleet, or files in layers',
    ),
    'a key of nothing': (
        ['explain', 'r7', 'chat.timeout.x', '--folder', '{folder}'],
        2,
        'no x in',
    ),
    'sites that are less than none': (
        ['plan', '{folder}', '--most-of-a-site', '-1'],
        2,
        '--most-of-a-site: expected a number of robots, or 0',
    ),
    'a plan for nobody': (['plan', '{folder}', '--robot', 'r8'], 1, 'no robot "r8"'),
    'a plan of waves that are none': (['plan', '{folder}', '--waves', 'x'], 2, 'percentages'),
    'reports that are nowhere': (
        ['status', '{folder}', '--reports', '{tmp}/none'],
        2,
        'none: no folder of reports',
    ),
    'reports of a store': (
        ['status', '--store', '{tmp}', '--reports', '{tmp}'],
        2,
        'are for the folder of a fleet',
    ),
    'nobody to ask': (['status', '{folder}'], 2, 'expected where robots say what they run'),
    'a time that is none': (
        ['render', 'r7', '--folder', '{folder}', '-o', '{tmp}/b', '--expires', '3y'],
        2,
        '--expires 3y: expected a time such as 12h, 30d or 8w',
    ),
    'nobody to render': (
        ['render', '--folder', '{folder}', '-o', '{tmp}/b'],
        2,
        'expected the name of a robot, or --all',
    ),
    'a key that is none': (
        ['render', 'r7', '--folder', '{folder}', '-o', '{tmp}/b', '--key', '{folder}/fleet.yaml'],
        1,
        'not a private key without a password',
    ),
    'a folder without a name for the robot': (
        ['apply', '{folder}', '--store', '{tmp}/store'],
        2,
        'expected the name of this robot: --robot NAME',
    ),
    'a bundle that is nowhere': (
        ['apply', '{tmp}/none.tar', '--store', '{tmp}/store'],
        1,
        'cannot be read',
    ),
    'a robot that the folder does not have': (
        ['apply', '{folder}', '--robot', 'r8', '--store', '{tmp}/store'],
        1,
        'no robot "r8"',
    ),
    'nothing to go back to': (['undo', '--store', '{tmp}/store'], 1, 'no configuration before'),
    'nothing to migrate': (['migrate', '{tmp}/none.yaml'], 2, 'no such file or folder'),
}


@pytest.mark.parametrize('what', VERBS)
def test_what_a_verb_cannot_do_is_one_line_with_what_would_be_right(fleet, config, tmp_path, what):
    arguments, expected, words = VERBS[what]
    folder = fleet(ROBOT)
    code, said = config(*(each.format(folder=folder, tmp=tmp_path) for each in arguments))
    assert code == expected, said
    assert words in said
    assert 'Traceback' not in said


# What the files of a folder say, by path, and what is said of it.
FOLDERS = {
    'groups of a fleet': (
        {'fleet.yaml': LINK + 'groups: [a]\n'},
        'fleet.yaml:3: groups: stands in files of robots/',
    ),
    'a list instead of a map': ({'robots/r7.yaml': '- a\n'}, 'r7.yaml:1: the file holds no map'),
    'a list as a fleet': ({'fleet.yaml': '- a\n'}, 'fleet.yaml:1: the file holds no map'),
    'a group that is no YAML': (
        {'robots/r7.yaml': 'groups: [a]\n', 'groups/a.yaml': 'a: [\n'},
        'a.yaml:2: not YAML',
    ),
    'a tag that nobody knows': (
        {'robots/r7.yaml': 'chat: !env HOME\n'},
        'r7.yaml:1: chat: not YAML: no tag !env is known here',
    ),
    'a file that is named without a name': (
        {'robots/r7.yaml': 'places: !file ""\n'},
        'expected the path of a file below',
    ),
    'a file of several': (
        {'robots/r7.yaml': 'places: !file [a, b]\n'},
        '!file stands before a path',
    ),
    'a removal of several': (
        {'robots/r7.yaml': 'links: [!remove [a]]\n'},
        '!remove stands before a name',
    ),
    'two files that hold each other': (
        {
            'robots/r7.yaml': 'places: !file a.yaml\n',
            'a.yaml': 'dock: !file b.yaml\n',
            'b.yaml': 'x: !file a.yaml\n',
        },
        'a.yaml is a file that holds itself',
    ),
    'a variable of a variable that is none': (
        {'robots/r7.yaml': 'vars: {a: "${b}"}\nhead: {frame: "${a}"}\n'},
        'vars.a: no variable b',
    ),
    'remappings that are a list': (
        {'robots/r7.yaml': 'launch: {remappings: [a]}\n'},
        'launch.remappings',
    ),
    'a clock that is a word': (
        {'robots/r7.yaml': 'launch: {use_sim_time: maybe}\n'},
        'launch.use_sim_time',
    ),
}


@pytest.mark.parametrize('what', FOLDERS)
def test_what_is_wrong_in_a_folder_is_reported_with_its_place(fleet, config, what):
    texts, words = FOLDERS[what]
    code, said = config('check', fleet({**ROBOT, **texts}), '--no-ros')
    assert code == 1
    reported = [line.replace(':1:1: ', ':1: ') for line in said.splitlines()]
    reported = [_without_column(line) for line in reported]
    assert [line for line in reported if words in line], said


def _without_column(line: str) -> str:
    place, *rest = line.split(': ')
    parts = place.split(':')
    return ': '.join([':'.join(parts[:2]) if len(parts) == 3 else place, *rest])


@pytest.mark.parametrize('text', ['groups:\n', 'groups: null\n', 'groups: []\n'])
def test_a_robot_may_have_no_groups(fleet, text):
    assert FleetFolder(fleet({'robots/r7.yaml': text})).member('r7').groups == ()


@pytest.mark.parametrize('text', ['defaults:\n', 'defaults: null\n', 'defaults: []\n'])
def test_a_fleet_may_lie_over_nothing(fleet, text):
    folder = FleetFolder(fleet({**ROBOT, 'fleet.yaml': LINK + text}))
    assert not folder.problems
    assert folder.member('r7').configuration['commands'] == {}


def test_hidden_files_of_editors_are_no_robots(fleet):
    folder = FleetFolder(fleet({**ROBOT, 'robots/.r7.yaml.swp': 'x'}))
    assert not folder.problems
    assert folder.names == ['r7']


def test_a_report_that_is_too_large_is_named(fleet, config, tmp_path):
    (tmp_path / 'reports').mkdir()
    (tmp_path / 'reports' / 'r7.json').write_bytes(b' ' * (1024 * 1024 + 1))
    code, said = config('status', fleet(ROBOT), '--reports', tmp_path / 'reports')
    assert (code, 'r7.json: too large for the report of a robot' in said) == (2, True)


def test_a_plan_of_a_wrong_folder_is_what_check_says(fleet, config):
    folder = fleet({'robots/r7.yml': ''})
    assert config('plan', folder)[0] == 1
    code, said = config('plan', fleet({'robots/r7.yaml': 'chat: {timeout: 0}\n'}, 'other'))
    assert (code, 'chat.timeout' in said) == (1, True)


def test_a_folder_that_is_not_committed_and_a_revision_without_it_are_reported(
    fleet, config, tmp_path
):
    folder = fleet(ROBOT)
    who = ['git', '-C', str(tmp_path), '-c', 'user.name=a', '-c', 'user.email=a@b.org']
    subprocess.run([*who, 'init', '-q', '-b', 'main'], check=True)
    subprocess.run([*who, 'commit', '-q', '--allow-empty', '-m', 'nothing'], check=True)
    assert config('render', 'r7', '--folder', folder, '-o', tmp_path / 'b')[0] == 0
    code, said = config('diff', 'HEAD', '--folder', folder)
    assert (code, 'HEAD: ' in said) == (2, True), said


@pytest.fixture
def bundle(fleet, config, tmp_path) -> Path:
    """Give a bundle in a folder."""
    config('render', 'r7', '--folder', fleet(ROBOT), '-o', tmp_path / 'bundle')
    return tmp_path / 'bundle'


def _manifest(change: Callable[[dict], object]) -> Callable[[Path], None]:
    def apply(bundle: Path) -> None:
        file = bundle / 'manifest.json'
        value = json.loads(file.read_text())
        change(value)
        file.write_text(json.dumps(value, indent=1) + '\n')

    return apply


@pytest.mark.parametrize(
    ('damage', 'expected'),
    [
        (_manifest(lambda m: m.update(format=99)), 'has format 99; this bridge reads 1'),
        (_manifest(lambda m: m['files'].pop('robot.yaml')), 'expected robot.yaml'),
        (_manifest(lambda m: m.update(robot=7)), 'expected text, not 7'),
        (_manifest(lambda m: m.update(version='7')), "expected a whole number, not '7'"),
        (_manifest(lambda m: m.update(made_at='2026-01-01T00:00:00')), 'has no time zone'),
        (
            _manifest(lambda m: m['files'].update({'manifest.json': m['files']['robot.yaml']})),
            'cannot name itself',
        ),
        (
            lambda b: (b / 'manifest.json').write_text((b / 'manifest.json').read_text() + ' '),
            'is not as config render writes it',
        ),
        (lambda b: (b / 'signatures.json').write_text('['), 'signatures.json: '),
    ],
)
def test_a_manifest_that_is_not_as_it_was_written_is_refused(bundle, damage, expected):
    damage(bundle)
    with pytest.raises(BundleError, match=expected):
        Bundle.read(bundle)


def _tar(path: Path, *members: tuple[str, bytes | str]) -> Path:
    with tarfile.open(path, 'w') as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            if isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
                tar.addfile(member)
            else:
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize(
    ('members', 'expected'),
    [
        ([('a', '/etc/passwd')], 'a: only plain files can be in it'),
        ([('a', b'1'), ('a', b'2')], 'a is in it twice'),
        ([('a', bytes(MAX_BYTES + 1))], 'over '),
        ([(f'f{number}', b'') for number in range(2002)], 'over '),
        ([('a', b'1')], 'this is no bundle'),
    ],
)
def test_a_tar_file_that_is_no_bundle_is_refused(tmp_path, members, expected):
    with pytest.raises(BundleError, match=expected):
        Bundle.read(_tar(tmp_path / 'b.tar', *members))


def test_keys_of_another_kind_are_refused(tmp_path):
    key = X25519PrivateKey.generate()
    pem = tmp_path / 'other.pem'
    pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(BundleError, match='expected a key of Ed25519'):
        private_key_of(pem)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(BundleError, match='expected a key of Ed25519'):
        public_key_of(public.decode())


def test_only_what_is_signed_is_taken_where_nobody_is_trusted(fleet, config, tmp_path):
    config('render', 'r7', '--folder', fleet(ROBOT), '-o', tmp_path / 'b.tar')
    code, said = config('apply', tmp_path / 'b.tar', '--store', tmp_path / 's', '--signed')
    assert (code, 'has no trusted_keys' in said) == (1, True)
    assert not (tmp_path / 's' / 'state.json').exists()


def test_standard_input_is_bounded(tmp_path):
    done = subprocess.run(
        [sys.executable, '-m', 'xparo_bridge', 'config', 'apply', '-', '--store', str(tmp_path)],
        input=bytes(MAX_BYTES + 1),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert b'standard input: over ' in done.stderr


def test_a_platform_that_takes_the_call_and_is_silent_is_named(monkeypatch):
    monkeypatch.setattr(reports, '_TIMEOUT', 0.3)
    with socket.create_server(('127.0.0.1', 0)) as silent:
        url = f'ws://127.0.0.1:{silent.getsockname()[1]}'
        with pytest.raises(UsageError) as refused:
            reports.of_platform(url)
    assert str(refused.value) == f'--platform {url}: no answer within 0.3 s'


@pytest.mark.parametrize('seen', ['yesterday', [1]])
def test_a_robot_whose_information_cannot_be_read_costs_no_other(monkeypatch, seen):
    async def ask(parts: object) -> list[dict[str, object]]:
        return [
            {
                'robot_id': 'r7',
                'robot_info': {'configuration': {'hash': 'x'}},
                'seen': seen or 'x',
            },
            {'robot_id': 'r8', 'robot_info': None, 'seen': 5.0},
        ]

    monkeypatch.setattr(reports, '_ask', ask)
    found = reports.of_platform('ws://127.0.0.1:1')
    assert found['r7'].reason.startswith('its robot_info cannot be read: ')
    assert not found['r8'].reason.startswith('its robot_info cannot be read')


def test_without_the_library_that_keeps_comments_migrate_says_what_to_install(
    tmp_path, config, monkeypatch
):
    file = tmp_path / 'old.yaml'
    file.write_text(LINK)
    monkeypatch.setitem(sys.modules, 'ruamel.yaml', None)
    code, said = config('migrate', file)
    assert (code, 'apt install python3-ruamel.yaml' in said) == (2, True)
    assert file.read_text() == LINK


def test_a_plan_names_robots_whose_files_of_then_cannot_be_read_today(fleet, config, tmp_path):
    folder = fleet({'robots/r7.yaml': 'groups: [gone]\n', 'robots/r8.yaml': ''})

    def git(*arguments: str) -> str:
        names = ['-c', 'user.name=t', '-c', 'user.email=t@example.org']
        done = subprocess.run(
            ['git', '-C', str(folder), *names, *arguments],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout.strip()

    git('init', '-q')
    git('add', '.')
    git('commit', '-qm', 'one')
    (folder / 'robots/r7.yaml').write_text('')
    git('commit', '-qam', 'two')
    code, said = config('plan', folder, '--from', 'HEAD~1')
    assert (code, 'what it ran cannot be read today' in said) == (0, True), said
    assert 'r7' in said[said.index('what it ran') - 60 :]


def test_a_version_that_was_another_configuration_is_refused(fleet, config, tmp_path):
    store = tmp_path / 'store'
    for name, text in (('one', ''), ('two', 'telemetry: {period: 5.0}\n')):
        folder = fleet({'robots/r7.yaml': text}, name)
        tar = tmp_path / f'{name}.tar'
        config('render', 'r7', '--folder', folder, '-o', tar, '--version', '3')
        code, said = config('apply', tar, '--store', store)
    assert (code, 'version 3 was another configuration; versions only go up' in said) == (1, True)
