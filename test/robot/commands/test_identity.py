# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is a command that comes again the same one, and is no name or id too long to come back."""

from __future__ import annotations

import pytest

from xparo_bridge.messages import CommandState, CommandStatus, MAX_NAME, RemoteCommand
from xparo_bridge.robot.commands.identity import CommandIds, digest, with_short_names
from xparo_bridge.robot.commands.journal import Journal
from xparo_bridge.robot.commands.run import Run
from xparo_bridge.state import State

MOST, LONG = 'x' * MAX_NAME, 'x' * (MAX_NAME + 1)
WORDS = f'has {MAX_NAME + 1} characters, expected at most {MAX_NAME}'


@pytest.mark.parametrize(
    ('name', 'command_id', 'problems'),
    [
        ('go', '1', ()),
        (MOST, MOST, ()),
        (LONG, MOST, (f'"command" {WORDS}',)),
        (MOST, LONG, (f'"command_id" {WORDS}',)),
        ('go', LONG, (f'"command_id" {WORDS}',)),
        (LONG, '', (f'"command" {WORDS}',)),
        (LONG, LONG, (f'"command" {WORDS}', f'"command_id" {WORDS}')),
    ],
)
def test_names_are_cut_and_what_was_too_long_is_said_and_nothing_else(name, command_id, problems):
    command = with_short_names(RemoteCommand(name, {'a': 1}, command_id, problems=('before',)))
    assert command.problems == ('before', *problems)
    assert (command.command, command.command_id) == (name[:MAX_NAME], command_id[:MAX_NAME])
    assert command.parameters == {'a': 1}


def test_the_digest_is_of_what_is_commanded_and_from_where():
    one = digest(RemoteCommand('go', {'a': 1, 'b': 2}, '1', issued_at=1.0), 'cloud')
    assert one == digest(RemoteCommand('go', {'b': 2, 'a': 1}, '2', deadline=2.0), 'cloud')
    others = [
        digest(RemoteCommand('stop', {'a': 1, 'b': 2}), 'cloud'),
        digest(RemoteCommand('go', {'a': 1}), 'cloud'),
        digest(RemoteCommand('go', {'a': 1, 'b': 2}), 'ros'),
    ]
    assert len({one, *others}) == 4


class Unsaid:
    """Cannot be written."""

    def __str__(self) -> str:
        raise ValueError('no text')


def _circle():
    inner = []
    inner.append(inner)
    return inner


def _deep():
    value = []
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize('value', [Unsaid, _circle, _deep, lambda: {(1, 2): 3}])
def test_what_cannot_be_written_has_no_digest(value):
    assert digest(RemoteCommand('go', {'a': value()}), 'cloud') == ''


class Left:
    """The ids of commands that a bridge which died has left."""

    def __init__(self, *ids: str) -> None:
        self._ids = ids

    def knows(self, command_id: str) -> bool:
        return command_id in self._ids


COMMAND = RemoteCommand('go', {'goal': 'home'}, '1')
MARK = digest(COMMAND, 'cloud')
ENDED = CommandStatus('1', 'go', CommandState.SUCCEEDED, source='cloud')


@pytest.fixture
def journal(tmp_path):
    complaints = []
    state = State(tmp_path, complaints.append)
    yield Journal(state, 10, complaints.append)
    state.close()
    assert not complaints


@pytest.mark.parametrize('mark', [MARK, 'another'])
def test_one_that_is_open_is_answered_with_its_run(journal, mark):
    run = Run(COMMAND, 'cloud', None, lambda run: None)
    run.digest = MARK
    ids = CommandIds({'1': run}, journal, Left())
    assert ids.used('1') and not ids.used('2')
    assert ids.first(COMMAND, 'cloud', mark) is (run if mark == MARK else None)


@pytest.mark.parametrize(
    ('kept', 'left', 'mark', 'state'),
    [
        (MARK, (), MARK, CommandState.SUCCEEDED),
        (MARK, (), 'another', None),
        ('', (), MARK, CommandState.SUCCEEDED),  # Of an older bridge, by the command's name.
        (MARK, ('1',), MARK, CommandState.ACCEPTED),
    ],
)
def test_one_that_has_ended_is_answered_as_it_ended_unless_that_is_still_looked_into(
    journal, kept, left, mark, state
):
    journal.open('1', 'go', 'cloud', kept)
    journal.end('cloud', ENDED, remember=True, digest=kept)
    ids = CommandIds({}, journal, Left(*left))
    assert ids.used('1')
    found = ids.first(COMMAND, 'cloud', mark)
    assert (found and found.state) == state
    if found is not None:
        assert (found.id, found.source, found.open) == ('1', 'cloud', bool(left))


def test_of_an_older_bridge_another_command_under_the_id_is_another_one(journal):
    journal.end('cloud', ENDED, remember=True, digest='')
    ids = CommandIds({}, journal, Left())
    assert ids.first(RemoteCommand('dock', {}, '1'), 'cloud', 'x') is None
