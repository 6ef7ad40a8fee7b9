# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The audit log: appended to, rotated, without secrets, and never waited for."""

from __future__ import annotations

from collections import Counter
import json
import os
import threading
import time

from fixtures.cpu import cpu_time
import pytest

from xparo_bridge.audit import Audit
from xparo_bridge.redaction import hide


def lines(path):
    """Entries of a log."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def write(path, count=1, reported=None, **options):
    """Write entries and close."""
    audit = Audit(path, (reported if reported is not None else []).append, **options)
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


def test_a_disk_that_takes_nothing_is_reported_once_and_what_was_lost_is_counted(tmp_path):
    reported: list[str] = []
    folder = tmp_path / 'state'
    folder.write_text('a file where the folder should be')
    audit = Audit(folder / 'audit.jsonl', reported.append)
    for number in range(5):
        audit.note('command', number=number)
    while audit._lost < 5:
        pass
    folder.unlink()
    audit.note('command', number=5)
    audit.close()
    assert len(reported) == 1
    assert [entry['event'] for entry in lines(folder / 'audit.jsonl')] == ['lost', 'command']


def test_what_comes_together_is_written_together_and_an_end_waits_for_nothing(
    tmp_path, monkeypatch
):
    batches = []
    write_all = Audit._write_all
    monkeypatch.setattr('xparo_bridge.audit._TOGETHER', 60.0)
    monkeypatch.setattr(
        Audit,
        '_write_all',
        lambda self, batch: (batches.append(len(batch)), write_all(self, batch)),
    )
    audit = Audit(tmp_path / 'audit.jsonl', print)
    audit.note('received')
    deadline = time.monotonic() + 10.0
    while not audit._events.empty() and time.monotonic() < deadline:
        time.sleep(0.001)
    audit.note('ordered')
    audit.note('command')
    audit.close(10.0)
    assert [entry['event'] for entry in lines(tmp_path / 'audit.jsonl')] == [
        'received',
        'ordered',
        'command',
    ]
    assert batches == [3]


def test_without_a_folder_nothing_is_noted():
    audit = Audit(None, print)
    audit.note('command')
    audit.close()


@pytest.mark.parametrize(
    'secret', ['with "quotes"', 'back\\slash', 'schlüssel-für-alles', 'tab\there', '🔑🔑🔑🔑']
)
def test_a_secret_is_taken_out_whatever_json_makes_of_its_letters(tmp_path, secret):
    hide(secret)
    path = tmp_path / 'audit.jsonl'
    audit = Audit(path, print)
    audit.note('ordered', parameters={'text': f'say {secret} now', secret: 1, 'list': [secret]})
    audit.note('ordered', parameters={'text': 'x' * 1990 + secret + 'y' * 5000})
    audit.close()
    first, second = lines(path)
    assert first['parameters'] == {'text': 'say *** now', '***': 1, 'list': ['***']}
    kept = second['parameters']['text'].split('…')[0].strip('xy')
    assert '***'.startswith(kept), 'no part of it is left'


def test_a_flood_of_one_source_washes_nothing_away_and_is_counted(tmp_path):
    path = tmp_path / 'audit.jsonl'
    audit = Audit(path, print)
    audit.note('ordered', source='hostile', command='drive', command_id='the order')
    audit.note('command', source='hostile', command='drive', state='accepted')
    for number in range(4000):
        parameters = {f'k{key}': 'x' * 400 for key in range(140)}
        audit.note('ordered', source='hostile', command='status', parameters=parameters)
        audit.note('command', source='hostile', command='status', state='rejected', n=number)
        while audit._waiting['hostile'] > 500:
            pass
    audit.note('command', source='hostile', command='dock', state='accepted')
    audit.note('ordered', source='friend', command='dock')
    audit.close(10.0)
    assert not (tmp_path / 'audit.jsonl.1').exists(), 'not even one file is full'
    entries = lines(path)
    assert entries[0]['command_id'] == 'the order'
    assert [e['command'] for e in entries if e.get('state') == 'accepted'] == ['drive', 'dock']
    assert entries[-2]['source'] == 'friend' or entries[-1]['source'] == 'friend'
    counts: Counter[str] = Counter()
    for entry in entries:
        if entry['event'] == 'not_written':
            assert entry['source'] == 'hostile'
            counts.update(entry['counts'])
    written = Counter(e['event'] for e in entries if e.get('command') == 'status')
    assert counts['ordered status'] + written['ordered'] == 4000
    assert counts['command status rejected'] + written['command'] == 4000


def test_what_waits_for_a_disk_that_hangs_is_bounded(tmp_path, monkeypatch):
    gate = threading.Event()

    def hang(*arguments: object) -> int:
        gate.wait(30.0)
        return os.open(os.devnull, os.O_WRONLY)

    monkeypatch.setattr('xparo_bridge.audit.open_private', hang)
    audit = Audit(tmp_path / 'audit.jsonl', print)
    began = time.monotonic()
    for _ in range(5000):
        audit.note('ordered', source='platform', parameters={'map': 'x' * 50_000})
    assert audit._events.qsize() <= 1001
    audit.note('ordered', source='other')
    assert audit._waiting['other'] == 1, 'one source does not take the room of another'
    audit.close(0.1)
    assert time.monotonic() - began < 5.0
    gate.set()


@pytest.mark.parametrize(
    'value',
    [
        {'deep': [[['x'] * 1000] * 1000] * 1000},
        ['x'] * 1_000_000,
        {f'key {number}': number for number in range(200_000)},
        'x' * 50_000_000,
        b'x' * 50_000_000,
        10**400,
        10**5000,
        float('nan'),
        '\ud800',
        {3: {None: 4}},
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_event_takes_no_time_however_large_it_is_and_gives_one_line(tmp_path, value):
    audit = Audit(tmp_path / 'audit.jsonl', print)
    noted = []

    def note():
        audit.note('received', source='platform', content=value)
        noted.append(1)

    assert cpu_time(note, 0.02) < 0.02
    audit.close()
    assert len(lines(tmp_path / 'audit.jsonl')) == len(noted)
    assert (tmp_path / 'audit.jsonl').stat().st_size < 40_000 * len(noted)


@pytest.mark.parametrize('kind', ['fifo', 'directory', 'device', 'loop'])
def test_what_is_no_file_is_not_opened_and_stops_nothing(tmp_path, kind):
    path = tmp_path / 'audit.jsonl'
    if kind == 'fifo':
        os.mkfifo(path)
    elif kind == 'directory':
        path.mkdir()
    else:
        path.symlink_to('/dev/full' if kind == 'device' else path)
    reported: list[str] = []
    began = time.monotonic()
    write(path, 3, reported)
    assert time.monotonic() - began < 1.5
    assert len(reported) == 1
