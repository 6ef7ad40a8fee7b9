# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""A router in the test's own process, on real DDS, that can die and come back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import contextlib
import json
from pathlib import Path
from typing import Any

from fixtures.ros_graph import RosGraph
import pytest

from xparo_bridge.behavior.errors import TreeErrors
from xparo_bridge.behavior.ros.trees import Trees
from xparo_bridge.configuration import load
from xparo_bridge.messages import CommandStatus, RemoteCommand, Telemetry
from xparo_bridge.robot.commands.base import RobotBase
from xparo_bridge.robot.commands.base_settings import base_settings
from xparo_bridge.robot.commands.for_trees import CommandsForTrees
from xparo_bridge.robot.commands.journal import Journal
from xparo_bridge.robot.commands.link_loss import LinkLoss
from xparo_bridge.robot.commands.places import Places
from xparo_bridge.robot.commands.router import Router
from xparo_bridge.robot.commands.run import Run
from xparo_bridge.robot.telemetry.publisher import TelemetryPublisher
from xparo_bridge.robot.telemetry.settings import TelemetryConfig
from xparo_bridge.ros import motion_actions
from xparo_bridge.state import State

LINK = {'name': 'platform', 'protocol': 'xparo', 'url': 'ws://localhost/ws'}
PLACES = {'home': {'x': 1.0, 'y': 2.0}, 'table_4': {'x': 7.0, 'y': 2.6, 'yaw': -1.57}}


class Station:
    """What a bridge has on its robot side, and what it told the platform."""

    def __init__(self, folder: Path, commands: dict[str, Any], **configuration: Any) -> None:
        with contextlib.ExitStack() as stack:
            self._make(stack, folder, commands, configuration)
            self._stack = stack.pop_all()

    def _make(
        self,
        stack: contextlib.ExitStack,
        folder: Path,
        commands: dict[str, Any],
        configuration: dict[str, Any],
    ) -> None:
        self.graph = stack.enter_context(RosGraph('xparo_bridge'))
        self.reported: list[CommandStatus] = []
        self.sources: list[str] = []
        self.complaints: list[str] = []
        self.telemetry: list[Telemetry] = []
        file = folder / 'robot.yaml'
        file.write_text(
            json.dumps(
                {
                    'links': [LINK],
                    'places': PLACES,
                    'commands': commands,
                    'telemetry': {'groups': {'battery': {'topic': '/battery_state'}}},
                    **configuration,
                },
                indent=1,
            )
        )
        settings = load([file])
        node = self.graph.node
        publisher = TelemetryPublisher(node, TelemetryConfig.of(settings), self.telemetry.append)
        state = State(folder / 'state', self.complaints.append)
        stack.callback(state.close)
        journal = self.journal = Journal(
            state,
            settings['command_limits']['remembered'],
            self.complaints.append,
        )
        places = Places(settings['places'], state, self.complaints.append)
        self.trees = Trees(node, settings, state, lambda message, to=None: True, lambda: True)
        stack.callback(self.trees._runner._preparation.close)  # Its thread, which keeps all this.
        # The platform's clock minus the robot's by source, s.
        self.clock_offsets: dict[str, float] = {}
        self.base = RobotBase(node, base_settings(settings))
        stack.callback(self.base.close)
        self.router = Router(
            node,
            settings,
            publisher,
            self.trees,
            places,
            journal,
            self.base,
            self._report,
            clock_offset=lambda source: self.clock_offsets.get(source, 0.0),
        )
        self.base.wait_ready(20.0)
        self.trees.bind_commands(CommandsForTrees(self.router), lambda message: True)
        self.link_loss = LinkLoss(node, self.router, settings)
        self.router.recover()
        self.trees.start()

    def _report(self, source: str, status: CommandStatus) -> None:
        self.sources.append(source)
        self.reported.append(status)

    def send(
        self,
        command: str,
        command_id: str = '',
        /,
        *,
        issued_at: float | None = None,
        deadline: float | None = None,
        source: str = 'platform',
        **parameters: Any,
    ) -> Run:
        """Send a command as a platform would."""
        return self.router.execute(
            RemoteCommand(command, parameters, command_id, issued_at, deadline), source
        )

    def load_tree(self, name: str, xml: str) -> None:
        """Have a tree checked and kept."""
        ended: list[TreeErrors | None] = []
        self.trees.load(name, xml, lambda name, warnings, errors: ended.append(errors))
        self.until(lambda: ended)
        assert ended == [None]

    def until(self, condition: Callable[[], Any], timeout: float = 20.0) -> Any:
        return self.graph.until(condition, timeout)

    def end(self, run: Run, timeout: float = 20.0) -> CommandStatus:
        """How a run ended."""
        self.graph.until(lambda: not run.open, timeout, f'the end of {run.command.command}')
        assert run.status is not None
        return run.status

    def states(self, run: Run) -> list[str]:
        """What was told of a run, in order, each state once for as long as it lasted."""
        states = [status.state.value for status in self.reported if status.command_id == run.id]
        return [state for at, state in enumerate(states) if at == 0 or states[at - 1] != state]

    def die(self) -> None:
        """Be gone without a word to anybody."""
        self._stack.close()


@pytest.fixture
def station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Station]]:
    """Make stations of commands and settings; a second one comes back where the first died."""
    # Tests wait until the servers that they mean are found, so that a stop need not.
    monkeypatch.setattr(motion_actions, '_DISCOVERY', 0.0)
    stations: list[Station] = []

    def make(commands: dict[str, Any], **configuration: Any) -> Station:
        stations.append(Station(tmp_path, commands, **configuration))
        return stations[-1]

    yield make
    for made in stations:
        made.die()
