# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Commands, trees, cancels, preemptions, cut links, deaths of the bridge in any order, and a model.

    make chaos ARGS='interleavings --times 1000'

The suite plays a few; the long form plays 1,000. The action server runs in the same process and
does what the test draws: it may take its time to accept, to obey and to end.
"""

from __future__ import annotations

from collections import Counter, defaultdict
import contextlib
from dataclasses import replace
import gc
import os
from pathlib import Path
import tempfile
import time
from typing import Any

from fixtures.domains import own_domain
from fixtures.ros_graph import RosGraph
from hypothesis import HealthCheck, Phase, settings, strategies
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
    RuleBasedStateMachine,
    run_state_machine_as_test,
)
from nav2_msgs.action import NavigateToPose
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.task import Future
from robot.commands.conftest import Station

from xparo_bridge.behavior.errors import TreeErrors
from xparo_bridge.messages import CommandState

COMMANDS = {
    'go': {
        'kind': 'navigate',
        'server_timeout': 20.0,
        'accept_timeout': 20.0,
        'cancel_timeout': 20.0,
    },
    'queued': {
        'kind': 'navigate',
        'concurrency': 'queue',
        'queue': 2,
        'server_timeout': 20.0,
        'accept_timeout': 20.0,
        'cancel_timeout': 20.0,
    },
    'run_tree': {'kind': 'run_tree'},
    'teleop': {'kind': 'teleop', 'deadman': 0.05, 'stop_for': 0.0},
    'cancel': {'kind': 'cancel'},
    'stop': {'kind': 'stop', 'stop_for': 0.0},
    'pause': {'kind': 'pause'},
    'resume': {'kind': 'resume'},
}
TREE = """<root BTCPP_format="4"><BehaviorTree ID="round">
<NavigateToPose goal="{goal}"/></BehaviorTree></root>"""
PLAYED = 6
# How long everything may take to come to rest, s: on a busy machine, not how long it takes.
REST = 30.0


class Server:
    """A navigator that leaves to the test when it accepts, obeys and ends."""

    def __init__(self, graph: RosGraph) -> None:
        self.graph = graph
        self.running: dict[bytes, Any] = {}
        self.begun: list[int] = []  # The numbers of the commands whose goals began.
        self.slow = False
        self._server = ActionServer(
            graph.node,
            NavigateToPose,
            'navigate_to_pose',
            self._execute,
            goal_callback=self._on_goal,
            cancel_callback=self._on_cancel,
            callback_group=ReentrantCallbackGroup(),
        )

    async def _on_goal(self, goal: Any) -> GoalResponse:
        if self.slow:
            await self._sleep(0.1)
        return GoalResponse.ACCEPT

    def _on_cancel(self, handle: Any) -> CancelResponse:
        return CancelResponse.ACCEPT

    async def _execute(self, handle: Any) -> Any:
        key = bytes(handle.goal_id.uuid)
        for other in self.running.values():  # As Nav2: a newer goal ends the older one.
            other.over = True
        self.running[key] = handle
        self.begun.append(int(handle.request.pose.pose.position.x))
        handle.over = False
        handle.done = False
        while not (handle.over or handle.done or handle.is_cancel_requested):
            await self._sleep(0.01)
        if self.slow:
            await self._sleep(0.1)
        del self.running[key]
        if handle.is_cancel_requested:
            handle.canceled()
        elif handle.done:
            handle.succeed()
        else:
            handle.abort()
        return NavigateToPose.Result()

    async def _sleep(self, seconds: float) -> None:
        elapsed = Future()
        timer = self.graph.node.create_timer(
            seconds, lambda: elapsed.done() or elapsed.set_result(None)
        )
        await elapsed
        self.graph.node.destroy_timer(timer)

    def destroy(self) -> None:
        self._server.destroy()


class Interleavings(RuleBasedStateMachine):
    """What an operator, a link and a process can do to commands; and what must hold always."""

    def __init__(self) -> None:
        super().__init__()
        self._stack = contextlib.ExitStack()
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        # The dead of the example before may linger in theirs.
        os.environ['ROS_DOMAIN_ID'] = str(self._stack.enter_context(own_domain()))
        self._graph = self._stack.enter_context(RosGraph('navigator'))
        self.server = Server(self._graph)
        self.at: Station | None = None
        self.reported: dict[str, list[Any]] = defaultdict(list)
        self.sent: list[str] = []
        self.stopped = False
        self.begun_at_stop = 0
        self.pauses = 0

    # --- the world ---

    @initialize()
    def begin(self) -> None:
        self._start()

    def _start(self) -> None:
        self.at = Station(self._folder, COMMANDS, link_loss={'after': 0.05, 'command': 'pause'})
        self.at.load_tree('round', TREE)
        self.at.link_loss.change('platform', connected=True)
        self._read = 0
        client = self.at.router.kinds['go']._clients['navigate_to_pose']
        self._spin(client.server_is_ready)
        # So everything is found that there is.
        self.at.router.standstill.actions.complete_at = 0.0

    def _spin(self, until: Any, timeout: float = REST) -> None:
        end = time.monotonic() + timeout
        while not until():
            assert time.monotonic() < end, 'it never came to rest: ' + str(
                [(run.command.command, run.state, run.paused) for run in self.at.router.open_runs]
            )
            self.at.graph._executor.spin_once(timeout_sec=0.002)
            self._graph._executor.spin_once(timeout_sec=0.002)
            self._listen()
        self._listen()

    def _listen(self) -> None:
        for status in self.at.reported[self._read :]:
            self.reported[status.command_id].append(status)
        self._read = len(self.at.reported)

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        self._spin(lambda: time.monotonic() > end)

    def _send(self, command: str, **parameters: Any) -> None:
        number = len(self.sent)
        self.sent.append(f'{command}-{number}')
        if command in ('go', 'queued'):
            parameters = {'x': number, 'y': 0}
        elif command == 'run_tree':
            parameters = {
                'tree_name': 'round',
                'blackboard': {'goal': f'0;map;{number};0;0;0;0;0;1'},
            }
        self.at.send(command, self.sent[-1], **parameters)
        self._listen()

    # --- what happens ---

    @rule(command=strategies.sampled_from(['go', 'go', 'queued']))
    def go(self, command: str) -> None:
        self._send(command)

    @rule(command=strategies.booleans(), patient=strategies.booleans())
    def run_a_tree(self, command: bool, patient: bool) -> None:
        number = len(self.sent)
        if command:
            self._send('run_tree')
        else:
            self.sent.append('')  # No command, so nobody is told of its end.
            with contextlib.suppress(TreeErrors):  # While the robot is stopped or paused.
                self.at.trees.run_xml(
                    'pushed',
                    TREE.replace('{goal}', f'0;map;{number};0;0;0;0;0;1').replace(
                        'round', 'pushed'
                    ),
                )
        give_up = time.monotonic() + 0.5
        self._spin(
            lambda: (
                not patient
                or self.at.trees.idle
                or number in self.server.begun
                or time.monotonic() > give_up
            )
        )

    @rule()
    def drive(self) -> None:
        self._send('teleop', linear=0.1)

    @precondition(lambda self: any(self.sent))
    @rule(data=strategies.data())
    def send_again(self, data: Any) -> None:
        command_id = data.draw(strategies.sampled_from([id_ for id_ in self.sent if id_]))
        command, _, number = command_id.partition('-')
        if command in ('go', 'queued'):
            self.at.send(command, command_id, x=int(number), y=0)
            self._listen()

    # What is drawn must not depend on what is open, which is a matter of time.
    @rule(one=strategies.booleans(), which=strategies.integers(0, 9))
    def cancel(self, one: bool, which: int) -> None:
        runs = [run for run in self.at.router.open_runs if not run.kind.urgent]
        if runs and one:
            self._send('cancel', command_id=runs[which % len(runs)].id)
        else:
            self._send('cancel')

    @rule()
    def stop(self) -> None:
        self._send('stop')
        self._spin(lambda: not self.at.router.open_runs)
        self.stopped = True
        self.begun_at_stop = len(self.server.begun)

    @rule()
    def resume(self) -> None:
        self._send('resume')
        self.stopped = False

    @rule()
    def pause(self) -> None:
        self.pauses += 1
        self._send('pause')

    @rule(seconds=strategies.sampled_from([0.01, 0.1]))
    def cut_the_link(self, seconds: float) -> None:
        self.pauses += 1
        self.at.link_loss.change('platform', connected=False)
        self._wait(seconds)
        self.at.link_loss.change('platform', connected=True)

    @rule(seconds=strategies.sampled_from([0.0, 0.03, 0.15]))
    def wait(self, seconds: float) -> None:
        self._wait(seconds)

    @rule()
    def arrive(self) -> None:
        for handle in self.server.running.values():
            handle.done = True

    @rule(slow=strategies.booleans())
    def be_slow(self, slow: bool) -> None:
        self.server.slow = slow

    @rule()
    def die_and_come_back(self) -> None:
        self._listen()
        self.at.die()
        self._start()

    # --- what must hold ---

    @invariant()
    def nothing_moves_after_stop(self) -> None:
        if self.stopped:
            assert not self.server.running
            assert len(self.server.begun) == self.begun_at_stop

    @invariant()
    def no_command_has_two_ends(self) -> None:
        for command_id, reported in self.reported.items():
            ends = [replace(status, resent=False) for status in reported if status.state.terminal]
            assert all(end == ends[0] for end in ends), (command_id, ends)
            if ends:
                states = [status.state.terminal for status in reported]
                assert states == sorted(states), f'{command_id} went on after its end: {reported}'

    def teardown(self) -> None:
        try:
            if self.at is not None:
                self.server.slow = False
                self.at.send('resume')
                self.at.send('cancel')
                self.at.trees.halt()
                self._spin(
                    lambda: (
                        not self.at.router.open_runs
                        and not self.at.router.recovering
                        and self.at.trees.idle
                    )
                )
                self._spin(lambda: not self.server.running)
                self.no_command_has_two_ends()
                for command_id in filter(None, self.sent):
                    ended = (
                        self.reported[command_id] and self.reported[command_id][-1].state.terminal
                    )
                    assert ended, f'{command_id} has no end: {self.reported[command_id]}'
                self._none_ran_twice()
        finally:
            if self.at is not None:
                self.at.die()
            self.server.destroy()
            self._stack.close()
            self.at = self.server = self._graph = None
            gc.collect()

    def _none_ran_twice(self) -> None:
        for number, begun in Counter(self.server.begun).items():
            # Only what was paused is begun again.
            assert begun <= 1 + self.pauses, f'{self.sent[number]} began {begun} times'
        for command_id, reported in self.reported.items():
            if command_id.startswith(('go', 'queued', 'run_tree')) and (
                reported[-1].state is CommandState.SUCCEEDED
            ):
                assert int(command_id.partition('-')[2]) in self.server.begun


def play(times: int) -> None:
    """Play so many interleavings."""
    # What fails is shown as it was played: times play a part, so a shorter form may not fail.
    run_state_machine_as_test(
        Interleavings,
        settings=settings(
            max_examples=times,
            stateful_step_count=15,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_whatever_happens_each_command_ends_once_and_a_stopped_robot_stands():
    play(PLAYED)
