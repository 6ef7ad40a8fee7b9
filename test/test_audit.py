# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The audit log: appended to, rotated, without secrets, and never waited for."""

from __future__ import annotations

import json

from xparo_bridge.audit import Audit
from xparo_bridge.redaction import hide


def lines(path):
    """Entries of a log."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def write(path, count=1, told=None, **options):
    """Write entries and close."""
    audit = Audit(path, (told if told is not None else []).append, **options)
    for number in range(count):
        audit.note('command', number=number, source='platform')
    audit.close()


def test_it_is_appended_to_and_readable_by_nobody_else(tmp_path):
    path = tmp_path / 'state' / 'audit.jsonl'
    write(path)
    write(path)
    assert [entry['event'] for entry in lines(path)] == ['command', 'command']
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_it_is_rotated_and_the_oldest_goes(tmp_path):
    path = tmp_path / 'audit.jsonl'
    write(path, 1000, max_bytes=10_000, files=3)
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ['audit.jsonl', 'audit.jsonl.1', 'audit.jsonl.2']
    assert all(file.stat().st_size <= 10_000 for file in files)
    numbers = [entry['number'] for file in reversed(files) for entry in lines(file)]
    assert numbers == list(range(numbers[0], 1000))


def test_secrets_are_taken_out_by_name_and_by_value(tmp_path):
    hide('squeamish-ossifrage')
    path = tmp_path / 'audit.jsonl'
    audit = Audit(path, print)
    audit.note(
        'ordered',
        parameters={
            'password': 'x',
            'nested': [{'api_token': 'y'}],
            'text': 'the squeamish-ossifrage',
        },
    )
    audit.close()
    assert lines(path)[0]['parameters'] == {
        'password': '***',
        'nested': [{'api_token': '***'}],
        'text': 'the ***',
    }


def test_long_values_are_cut(tmp_path):
    path = tmp_path / 'audit.jsonl'
    audit = Audit(path, print)
    audit.note('ordered', parameters={'map': 'x' * 1_000_000})
    audit.close()
    assert path.stat().st_size < 3000


def test_a_disk_that_takes_nothing_is_told_once_and_what_was_lost_is_counted(tmp_path):
    told: list[str] = []
    folder = tmp_path / 'state'
    folder.write_text('a file where the folder should be')
    audit = Audit(folder / 'audit.jsonl', told.append)
    for number in range(5):
        audit.note('command', number=number)
    while audit._lost < 5:
        pass
    folder.unlink()
    audit.note('command', number=5)
    audit.close()
    assert len(told) == 1
    assert [entry['event'] for entry in lines(folder / 'audit.jsonl')] == ['lost', 'command']


def test_without_a_folder_nothing_is_noted():
    audit = Audit(None, print)
    audit.note('command')
    audit.close()
