# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does a fault in a kind end its run, and keep what that has begun from going on."""

from __future__ import annotations

import pytest

from xparo_bridge.faults import FAULTS
from xparo_bridge.messages import CommandState, RemoteCommand
from xparo_bridge.robot.commands.kind import Kind
from xparo_bridge.robot.commands.run import Run
from xparo_bridge.robot.commands.run_wall import RunWall


class Faulty(Kind[None]):
    """A kind that cannot even end what it has begun."""

    def __init__(self, further: type[BaseException] | None = None) -> None:
        super().__init__('go', {'channel': None, 'motion': False}, None)
        self.further = further
        self.abandoned = 0

    def start(self, run):
        raise LookupError('a bug')

    def abandon(self, run):
        self.abandoned += 1
        if self.further is not None:
            raise self.further('another bug')


def begun(kind: Kind, started: bool = True) -> Run:
    run = Run(RemoteCommand('go', {}, '1'), 'platform', kind, lambda run: None)
    run.started = started
    return run


@pytest.mark.parametrize('started', [True, False])
def test_what_was_begun_is_abandoned_and_what_was_not_is_not(started):
    kind = Faulty()
    run = begun(kind, started)
    RunWall({'go': kind}).guarded(run, kind.start)
    assert (run.state, run.status.error['code']) == (CommandState.FAILED, 'internal_error')
    assert 'a bug' in run.status.error['message']
    assert kind.abandoned == started


def test_a_run_whose_command_is_not_there_any_more_is_ended_all_the_same():
    kind = Faulty()
    run = begun(kind)
    RunWall({}).guarded(run, kind.start)
    assert (run.state, kind.abandoned) == (CommandState.FAILED, 0)


@pytest.mark.parametrize('further', [RuntimeError, SystemExit])
def test_a_further_fault_at_the_end_is_counted_and_goes_no_further(further):
    FAULTS.forget()
    kind = Faulty(further)
    run = begun(kind)
    RunWall({'go': kind}).guarded(run, kind.start)
    assert run.status.error['message'] == 'LookupError: a bug'
    assert FAULTS.counts == {
        'the command go: LookupError': 1,
        f'the end of go after a fault: {further.__name__}': 1,
    }


def test_a_fault_after_the_end_is_counted_and_changes_nothing():
    FAULTS.forget()
    kind = Faulty()
    run = begun(kind)
    run.succeed()
    RunWall({'go': kind}).guarded(run, kind.start)
    assert (run.state, kind.abandoned) == (CommandState.SUCCEEDED, 0)
    assert FAULTS.counts == {'the command go: LookupError': 1}


@pytest.mark.parametrize('answer', [True, False])
def test_an_answer_is_the_kind_s_and_after_a_fault_there_is_nothing_left_to_hold(answer):
    kind = Faulty()
    wall = RunWall({'go': kind})
    run = begun(kind)
    assert wall.ask(run, lambda run: answer) is answer
    assert wall.ask(run, kind.start) is True
    assert not run.open
