# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Does a command that sends goals say of each how it ended, whoever wanted its end."""

from __future__ import annotations

from nav2_msgs.action import NavigateToPose
import pytest
from rclpy.action import ActionServer, CancelResponse
from rclpy.task import Future
from rclpy.timer import Timer

from xparo_bridge.messages import CommandState, RemoteCommand
from xparo_bridge.robot.commands.run import Run

COMMANDS = {
    'go': {'kind': 'navigate', 'server_timeout': 10.0},
    'far': {'kind': 'navigate', 'server_timeout': 10.0},
    'beep': {'kind': 'publish', 'topic': '/beep', 'type': 'std_msgs/msg/Empty'},
    'cancel': {'kind': 'cancel'},
    'pause': {'kind': 'pause'},
    'resume': {'kind': 'resume'},
}


class Aborting:
    """A server, in the test's node, that aborts what it is asked to cancel, as some do."""

    def __init__(self, at) -> None:
        self.handles = []
        self.server = ActionServer(
            at.graph.node,
            NavigateToPose,
            'navigate_to_pose',
            self._execute,
            handle_accepted_callback=self._accepted,
            cancel_callback=self._cancel,
        )

    def _accepted(self, handle) -> None:
        handle.over = Future()
        self.handles.append(handle)
        handle.execute()

    def _cancel(self, handle):
        for known in self.handles:
            if known.goal_id == handle.goal_id:
                known.over.set_result(None)
        return CancelResponse.ACCEPT

    async def _execute(self, handle):
        await next(h for h in self.handles if h.goal_id == handle.goal_id).over
        handle.abort()
        return NavigateToPose.Result()


@pytest.mark.parametrize('ended_by', ['a cancel', 'a newer goal', 'nobody'])
def test_an_abort_is_a_cancel_where_somebody_wanted_the_end(station, ended_by):
    at = station(COMMANDS)
    served = Aborting(at)
    run = at.send('go', goal='home')
    at.until(lambda: run.state is CommandState.RUNNING)
    if ended_by == 'a cancel':
        at.send('cancel', command_id=run.id)
    elif ended_by == 'a newer goal':
        newer = at.send('go', goal='table_4')
    else:
        served.handles[0].over.set_result(None)
    end = at.end(run)
    assert (end.state, end.error['code']) == {
        'a cancel': (CommandState.CANCELED, 'canceled'),
        'a newer goal': (CommandState.CANCELED, 'preempted'),
        'nobody': (CommandState.FAILED, 'aborted'),
    }[ended_by]
    if ended_by == 'a newer goal':
        assert end.error['by'] == newer.id
        at.until(lambda: newer.state is CommandState.RUNNING)
    served.server.destroy()


def test_a_goal_that_its_server_aborts_for_a_pause_is_sent_again_and_not_failed(station):
    at = station(COMMANDS)
    served = Aborting(at)
    run = at.send('go', goal='home')
    at.until(lambda: run.state is CommandState.RUNNING)
    assert at.end(at.send('pause')).result['paused'] == [run.id]
    assert run.state is CommandState.PAUSED
    at.end(at.send('resume'))
    at.until(lambda: len(served.handles) == 2 and run.state is CommandState.RUNNING)
    served.server.destroy()


def prepared(at, command, **parameters) -> Run:
    """Make a run that is let in, and nothing more."""
    kind = at.router.kinds[command]
    run = Run(RemoteCommand(command, parameters, command), 'platform', kind, lambda run: None)
    assert kind.prepare(run) is None
    return run


@pytest.mark.parametrize(
    ('old', 'parameters', 'paused', 'smooth'),
    [
        ('go', {'goal': 'table_4'}, False, True),
        ('far', {'goal': 'table_4'}, False, True),  # Of another command, to the same action.
        ('go', {'goal': 'table_4'}, True, False),
        ('go', {'turn': 1.0}, False, False),
        ('go', {'goals': ['home']}, False, False),
        ('beep', {}, False, False),
    ],
)
def test_a_goal_takes_over_from_one_of_its_own_action_that_is_under_way(
    station, old, parameters, paused, smooth
):
    at = station(COMMANDS)
    before = prepared(at, old, **parameters)
    before.paused = paused
    run = prepared(at, 'go', goal='home')
    assert run.kind.takes_over(run, before) is smooth


def test_at_rest_no_timer_of_a_command_runs(station):
    at = station({**COMMANDS, 'teleop': {'kind': 'teleop'}})
    for name, kind in at.router.kinds.items():
        timers = [part for part in vars(kind).values() if isinstance(part, Timer)]
        assert len(timers) == {'go': 1, 'far': 1, 'teleop': 2}.get(name, 0), name
        assert all(timer.is_canceled() for timer in timers), name
