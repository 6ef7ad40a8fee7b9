# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Files of a platform stay below one folder, within their room, whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from hypothesis import given, HealthCheck, settings
from hypothesis import strategies as st
import pytest

from xparo_bridge.robot.platform_data import sandbox as sandbox_module
from xparo_bridge.robot.platform_data import sandbox_room
from xparo_bridge.robot.platform_data.sandbox import Sandbox
from xparo_bridge.robot.platform_data.sandbox_paths import SandboxError


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Give a file that nobody may reach."""
    secret = tmp_path / 'secret.txt'
    secret.write_text('keep out')
    return secret


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return Sandbox(tmp_path / 'files', max_file=100, max_total=150)


def read(sandbox: Sandbox, path: str) -> bytes:
    file, size = sandbox.open_to_read(path)
    with open(file, 'rb') as stream:
        data = stream.read()
    assert len(data) == size
    return data


def files(tmp_path: Path) -> list[str]:
    return sorted(
        str(path.relative_to(tmp_path)) for path in tmp_path.rglob('*') if not path.is_dir()
    )


def test_what_is_written_is_listed_read_and_deleted(sandbox):
    sandbox.write('maps/hall.txt', b'x=1')
    assert sandbox.tree() == [
        {
            'type': 'folder',
            'name': 'maps',
            'path': 'maps',
            'children': [{'type': 'file', 'name': 'hall.txt', 'path': 'maps/hall.txt', 'size': 3}],
        }
    ]
    assert read(sandbox, 'maps/hall.txt') == b'x=1'
    sandbox.delete('maps/hall.txt')
    with pytest.raises(SandboxError, match='No such file'):
        sandbox.open_to_read('maps/hall.txt')


def attempts(sandbox: Sandbox, path: str):
    yield lambda: sandbox.open_to_read(path)
    yield lambda: sandbox.delete(path)
    yield lambda: sandbox.write(path, b'x')


@pytest.mark.parametrize(
    'path',
    [
        '../secret.txt',
        '/etc/passwd',
        'a/../../secret.txt',
        '',
        '.',
        '..',
        'a//b',
        'a/',
        './a',
        'a\0b',
        '..\\secret.txt',
        'x' * 300,
        '/'.join('a' * 40),
        '\ud800',
        '.part-1',
    ],
)
def test_a_path_that_could_lead_outside_is_refused(sandbox, outside, path):
    for attempt in attempts(sandbox, path):
        with pytest.raises(SandboxError):
            attempt()
    assert outside.read_text() == 'keep out'


def test_a_link_does_not_lead_outside_as_a_file_nor_as_a_folder(sandbox, outside):
    (sandbox.root / 'file').symlink_to(outside)
    (sandbox.root / 'folder').symlink_to(outside.parent)
    for path in ('file', 'folder/secret.txt'):
        with pytest.raises(SandboxError):
            sandbox.open_to_read(path)
        with pytest.raises(SandboxError):
            sandbox.delete(path)
    with pytest.raises(SandboxError):
        sandbox.write('folder/new.txt', b'x')
    sandbox.write('file', b'x')  # Takes the link's place, not its target's
    assert outside.read_text() == 'keep out' and not (outside.parent / 'new.txt').exists()
    assert [item['name'] for item in sandbox.tree()] == ['file']


def test_a_link_put_in_place_of_a_folder_during_an_upload_leads_nowhere(sandbox, outside):
    upload = sandbox.begin('maps/secret.txt', 1)
    os.rename(sandbox.root / 'maps', sandbox.root / 'old')
    (sandbox.root / 'maps').symlink_to(outside.parent)
    upload.add(b'x')
    upload.finish()
    upload.drop()
    assert outside.read_text() == 'keep out'


def test_what_is_no_file_is_not_read(sandbox):
    os.mkfifo(sandbox.root / 'pipe')
    with pytest.raises(SandboxError, match='no file'):
        sandbox.open_to_read('pipe')
    assert sandbox.tree() == []


def test_a_file_that_is_too_large_or_does_not_fit_is_refused_before_it_comes(sandbox):
    with pytest.raises(SandboxError, match='101 bytes; a file may have 100'):
        sandbox.begin('a', 101)
    sandbox.write('a', bytes(100))
    with pytest.raises(SandboxError, match='do not fit'):
        sandbox.begin('b', 51)
    sandbox.write('b', bytes(50))


def test_nothing_is_seen_of_a_file_before_all_of_it_came(sandbox, tmp_path):
    sandbox.write('a', b'old')
    upload = sandbox.begin('a', 4)
    upload.add(b'ne')
    assert read(sandbox, 'a') == b'old' and len(sandbox.tree()) == 1
    with pytest.raises(SandboxError, match='2 of 4'):
        upload.finish()
    with pytest.raises(SandboxError, match='more than the 4'):
        upload.add(b'www')
    upload.drop()
    assert files(tmp_path) == ['files/a'] and read(sandbox, 'a') == b'old'


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None
)
@given(st.text(alphabet='ab./\\\0~é\ud800', max_size=12))
def test_whatever_the_name_nothing_changes_outside(tmp_path, path):
    sandbox = Sandbox(tmp_path / 'files', max_file=100, max_total=10_000)
    try:
        sandbox.write(path, b'x')
    except SandboxError:
        pass
    assert all(name.startswith('files/') for name in files(tmp_path))
    assert {entry.name for entry in tmp_path.iterdir()} <= {'files', 'ros_home'}


def test_the_room_cannot_be_passed_by_many_small_files(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox_module, '_MAX_LISTED', 5)
    sandbox = Sandbox(tmp_path / 'files', max_file=100, max_total=150)
    for number in range(20):
        sandbox.write(f'tiny{number:03}', b'x')
    sandbox.write('z', bytes(100))
    with pytest.raises(SandboxError, match='do not fit: 120 of 150'):
        sandbox.write('zz', bytes(100))
    assert len(sandbox.tree()) == 5


def test_files_and_folders_are_bounded_by_number_too(tmp_path):
    sandbox = Sandbox(tmp_path / 'files', max_file=100, max_total=150, max_entries=5)
    sandbox.write('a/b/c', b'')
    sandbox.write('a/b/d', b'')  # Its folders are there.
    with pytest.raises(SandboxError, match='4 files and folders are there; 5 may be'):
        sandbox.write('e/f', b'')
    sandbox.write('g', b'')
    with pytest.raises(SandboxError, match='5 files and folders are there'):
        sandbox.write('h', b'')
    sandbox.write('g', b'newer')  # It is there already.
    sandbox.delete('g')
    sandbox.write('h', b'')


def test_room_that_others_made_is_found_again(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox_room, '_RECOUNT', 1e-9)
    sandbox = Sandbox(tmp_path / 'files', max_file=100, max_total=150)
    sandbox.write('a', bytes(100))
    with pytest.raises(SandboxError, match='do not fit'):
        sandbox.write('b', bytes(100))
    (tmp_path / 'files' / 'a').unlink()
    sandbox.write('b', bytes(100))


def test_uploads_at_the_same_time_share_the_room(sandbox):
    first = sandbox.begin('a', 100)
    with pytest.raises(SandboxError, match='do not fit'):
        sandbox.begin('b', 100)
    first.drop()
    sandbox.begin('b', 100).drop()


@pytest.mark.parametrize(('there', 'match'), [(0, 'over 100 bytes'), (100, 'no room')])
def test_an_upload_of_unknown_size_is_bounded_as_it_grows(sandbox, there, match):
    sandbox.write('there', bytes(there))
    upload = sandbox.begin('a', None)
    upload.add(bytes(40))
    with pytest.raises(SandboxError, match=match):
        upload.add(bytes(20 if there else 61))
    upload.drop()
    upload = sandbox.begin('a', None)
    upload.add(b'1234567')
    upload.finish()
    upload.drop()
    assert read(sandbox, 'a') == b'1234567'


def test_the_cost_of_a_file_does_not_grow_with_their_number(tmp_path, monkeypatch):
    sandbox = Sandbox(tmp_path / 'files', max_file=100, max_total=10**6, max_entries=10**6)
    sandbox.write('first', b'x')
    counts, scandir = [], os.scandir
    monkeypatch.setattr(os, 'scandir', lambda folder: counts.append(1) or scandir(folder))
    for number in range(200):
        sandbox.write(f'custom_maps/{number}', b'x')
    assert not counts
    assert sandbox.tree() and counts


def test_a_name_that_is_no_utf8_is_shown_and_not_fatal(sandbox):
    os.close(os.open(os.fsencode(sandbox.root) + b'/\xff\xfe', os.O_CREAT | os.O_WRONLY))
    (item,) = sandbox.tree()
    assert item['name'] == '\ufffd\ufffd' and item['path'].encode()
    os.mkdir(sandbox.root / 'maps')
    os.close(os.open(os.fsencode(sandbox.root) + b'/maps/\xff', os.O_CREAT | os.O_WRONLY))
    sandbox.write('maps/hall', b'x')
    assert sandbox.names('maps') == ['hall']


ERRORS = [errno.EIO, errno.EACCES, errno.EROFS, errno.ENOSPC, errno.ELOOP, errno.EMFILE]


@pytest.mark.parametrize('number', ERRORS, ids=errno.errorcode.get)
@pytest.mark.parametrize(
    'call', ['open', 'scandir', 'write', 'replace', 'unlink', 'stat', 'fstat', 'mkdir', 'dup']
)
def test_whatever_the_disk_says_is_named_and_leaves_no_descriptor(
    sandbox, monkeypatch, call, number
):
    def fail(*arguments, **options):
        raise OSError(number, os.strerror(number))

    sandbox.write('a/b', b'x')
    upload = sandbox.begin('c', None)
    descriptors = len(os.listdir('/proc/self/fd'))
    for attempt in (
        sandbox.tree,
        lambda: sandbox.write('d/e', b'x'),
        lambda: sandbox.delete('a/b'),
        lambda: sandbox.read('a/b', 10),
        lambda: sandbox.names('a'),
        lambda: upload.add(b'x'),
        upload.finish,
        upload.drop,
    ):
        with monkeypatch.context() as patch:
            patch.setattr(os, call, fail)
            try:
                attempt()
            except SandboxError as error:
                assert str(sandbox.root) not in str(error)
    upload.drop()
    assert len(os.listdir('/proc/self/fd')) <= descriptors


def test_a_folder_that_cannot_be_read_is_listed_with_the_reason(sandbox, monkeypatch):
    sandbox.write('lost+found/x', b'x')
    sandbox.write('a', b'x')
    real = os.open

    def refuse(path, flags, *arguments, **options):
        if path == 'lost+found':
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(path, flags, *arguments, **options)

    monkeypatch.setattr(os, 'open', refuse)
    assert [(item['name'], item.get('error')) for item in sandbox.tree()] == [
        ('a', None),
        ('lost+found', 'Permission denied'),
    ]
    sandbox.write('b', b'x')


def test_what_an_upload_left_that_was_killed_is_removed(tmp_path):
    root = tmp_path / 'files'
    root.mkdir()
    (root / '.part-0123').write_bytes(bytes(140))
    sandbox = Sandbox(root, max_file=100, max_total=150)
    sandbox.write('a', bytes(100))
    assert files(tmp_path) == ['files/a']
