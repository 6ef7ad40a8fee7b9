# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Files of a platform stay below one folder, within their room, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given, HealthCheck, settings
from hypothesis import strategies as st
import pytest

from xparo_bridge.robot.platform_data.sandbox import Sandbox, SandboxError


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
