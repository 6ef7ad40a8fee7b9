# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The black box: what happened in the minutes before, of topics, frames, commands and trees.

| topic | has, as JSON in a std_msgs/String |
|---|---|
| `~/black_box/frames` | {link, way: in or out, frame} |
| `~/black_box/commands` | orders {order, …} and states {command, command_id, state, …} |
| `~/black_box/trees` | {tree, run, node, name, status} and {tree, run, state, …} |
| `~/black_box/events` | links that come and go, what was frozen and why |

Service `~/freeze_recording` (std_srvs/Trigger) freezes it for a node of the robot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from std_srvs.srv import Trigger

from ... import messages as msg
from ...behavior.node import IDLE, TreeNode
from ...behavior.status import NodeStatus
from ...black_box.recorder import Recorder, Settings, TextStream
from ...configuration import Configuration, ConfigurationError
from ...errors import BadInput
from ...observers import notify
from ...redaction import masked, redacted_value
from ...ros.definitions import definition
from ...ros.entities import guard_condition, service, timer
from ...ros.problems import Problems
from ..features import Feature, FeatureContext, Handlers
from ..links.health import diagnostic
from .access import Access
from .conditions import Condition, DIAGNOSTICS, errors_of_diagnostics
from .frames import blanked, kept
from .topics import Check, RecordedTopics

_PERIOD = 1.0  # s
_LISTED = 20  # recordings that are reported to the platform
_CLOSE_TIMEOUT = 0.2  # s; see process
_FAILED = (msg.CommandState.FAILED, msg.CommandState.TIMED_OUT)


class BlackBox(Feature):
    """Records, and freezes what was recorded; on the ROS thread, but for frames."""

    def __init__(self, context: FeatureContext) -> None:
        settings = context.configuration['black_box']
        self._context = context
        self._triggers = settings['triggers']
        self._problems = Problems.of(context.node)
        self._kinds = {
            name: command['kind'] for name, command in context.configuration['commands'].items()
        }
        base = f'{context.node.get_fully_qualified_name()}/black_box'
        self._frames, self._commands, self._trees, self._events = (
            TextStream(f'{base}/{name}') for name in ('frames', 'commands', 'trees', 'events')
        )
        changed = guard_condition(context.node, self._on_recordings)
        kept = settings['recordings']
        self._recorder = Recorder(
            Settings(
                recordings_folder(context.configuration, context.state.path).parent,
                seconds=settings['keep'],
                max_bytes=settings['max_bytes'],
                after=settings['after'],
                quiet=self._triggers['quiet'],
                sync_period=settings['sync_period'],
                min_free=settings['min_free'],
                recordings_bytes=kept['max_bytes'],
                recordings_age=kept['max_age'],
            ),
            definition,
            masked,
            changed.trigger,
        )
        if self._triggers['bridge_ended']:
            self._recorder.on_killed = 'the bridge before this one was killed, or lost its power'
        self._topics = RecordedTopics(
            context.node,
            settings['topics'],
            settings['leave_out'],
            self._checks(),
            self._recorder.put,
        )
        self._down_since: float | None = time.monotonic()
        self._outage_reported = False
        # Of the nodes of the run that goes on, by their uid: as many as a tree may have.
        self._run = ''
        self._statuses: dict[int, NodeStatus] = {}
        self._lost = 0
        self.handlers = Handlers()
        self._observe(settings['frames'])
        access = Access.of(context.node)
        access.freeze = self._on_asked
        access.recordings = lambda: self._recorder.recordings.listed
        service(context.node, Trigger, '~/freeze_recording', self._on_service)
        timer(context.node, _PERIOD, self._on_time)
        self._recorder.start()

    def _checks(self) -> dict[str, list[Check]]:
        """
        Return the conditions on topics by their full names.

        :raises ConfigurationError: for one that cannot work.
        """
        node, configuration = self._context.node, self._context.configuration
        checks: dict[str, list[Check]] = {}
        if self._triggers['diagnostics']:
            checks[DIAGNOSTICS] = [
                errors_of_diagnostics(node.get_fully_qualified_name().strip('/'))
            ]
        problems = []
        for index, entry in enumerate(self._triggers['conditions']):
            try:
                condition = Condition(entry)
            except BadInput as error:
                path = ('black_box', 'triggers', 'conditions', index)
                problems.append(configuration.problem(path, str(error)))
            else:
                topic = node.resolve_topic_name(condition.topic)
                checks.setdefault(topic, []).append(condition.make)
        if problems:
            raise ConfigurationError(problems)
        return checks

    def _observe(self, frames: bool) -> None:
        observers = self._context.observers
        if frames:
            observers.frame = self._on_frame
        observers.order = self._on_order
        observers.command = self._on_command
        observers.ended = self._on_ended
        self._context.trees.watch(
            partial(notify, self._on_transition), partial(notify, self._on_tree)
        )

    def close(self) -> None:
        self._topics.close()
        self._recorder.close(_CLOSE_TIMEOUT)

    # --- what is recorded ---

    def _on_frame(self, link: str, way: str, frame: str | bytes) -> None:
        """In the link thread."""
        self._recorder.put_object(
            self._frames, lambda: {'link': link, 'way': way, 'frame': kept(frame)}, len(frame)
        )

    def _on_order(self, source: str, order: msg.RemoteCommand) -> None:
        self._note(
            self._commands,
            order=order.command,
            command_id=order.command_id,
            source=source,
            operator=order.operator,
            parameters=dict(order.parameters),
        )

    def _on_command(self, source: str, status: msg.CommandStatus) -> None:
        self._note(
            self._commands,
            command=status.command,
            command_id=status.command_id,
            source=source,
            state=status.state.value,
            progress=status.progress,
            result=status.result,
            error=status.error,
        )

    def _on_transition(self, tree: str, run: str, node: TreeNode, status: NodeStatus) -> None:
        """Note a status that differs from the one before, but for idle, which is between ticks."""
        if run != self._run:
            self._run = run
            self._statuses.clear()
        if status is IDLE or self._statuses.get(node.uid) is status:
            return
        self._statuses[node.uid] = status
        self._note(
            self._trees,
            tree=tree,
            run=run,
            node=node.uid,
            name=node.name,
            status=str(status),
            message=node.feedback_message,
        )

    def _on_tree(self, status: msg.BehaviorStatus) -> None:
        self._note(
            self._trees,
            tree=status.tree_name,
            run=status.run_id,
            state=status.state,
            errors=status.errors,
            structure=status.structure,
        )

    def _note(self, stream: TextStream, **values: Any) -> None:
        """Record what is not empty of some values."""
        reported = {key: value for key, value in values.items() if value}
        self._recorder.put_object(
            stream,
            lambda: redacted_value(blanked(reported)),
            200 + sum(map(_size, reported.values())),
        )

    # --- what freezes it ---

    def _freeze(self, kind: str, text: str, *, asked: bool = False) -> str:
        name = self._recorder.freeze(kind, text, asked=asked)
        if name:
            self._note(self._events, event='frozen', recording=name, kind=kind, text=text)
        return name

    def _on_ended(self, status: msg.CommandStatus) -> msg.CommandStatus:
        """Freeze when a command failed or stopped the robot, and name that in its status."""
        if status.state in _FAILED and self._triggers['command_failed']:
            error = dict(status.error or {})
            said = f'{status.command} {status.state.value}: {error.get("message", "")}'
            name = self._freeze('command_failed', said)
            return replace(status, error={**error, 'recording': name}) if name else status
        stopped = status.state is msg.CommandState.SUCCEEDED and (
            self._kinds.get(status.command) == 'stop'
        )
        if stopped and self._triggers['stop']:
            name = self._freeze('stop', f'{status.command} was pressed')
            result = dict(status.result or {})
            return replace(status, result={**result, 'recording': name}) if name else status
        return status

    def _on_asked(self, reason: str) -> tuple[str, str]:
        name = self._freeze('asked', reason or 'no reason was given', asked=True)
        return name, '' if name else self._recorder.problem or 'the bridge ends'

    def _on_service(self, request: Trigger.Request, response: Trigger.Response) -> Any:
        name, problem = self._on_asked('a node of the robot asked for it')
        response.success, response.message = bool(name), name or problem
        return response

    def connected(self, link: str) -> None:
        self._down_since, self._outage_reported = None, False
        self._note(self._events, event='connected', link=link)
        self._report_to_platform(link)

    def lost(self, link: str) -> None:
        if self._down_since is None:
            self._note(self._events, event='lost', link=link)
            if not self._context.links.any_connected:
                self._down_since = time.monotonic()

    def _on_time(self) -> None:
        self._topics.refresh()
        longest, down = self._triggers['link_lost'], self._down_since
        lasted = time.monotonic() - down if down is not None else 0.0
        if longest is not None and lasted > longest and not self._outage_reported:
            self._outage_reported = True
            self._freeze('link_lost', f'no platform was there for {longest:g} s')
        if problem := self._recorder.problem:
            self._problems.report('black box', problem)
        else:
            self._problems.solved('black box', 'it records again')
        if self._recorder.lost > self._lost:
            lost, self._lost = self._recorder.lost - self._lost, self._recorder.lost
            self._note(self._events, event='left out', messages=lost)

    # --- what is reported ---

    def _on_recordings(self) -> None:
        self._report_to_platform(None)

    def _report_to_platform(self, link: str | None) -> None:
        pending = self._recorder.pending
        listed = [
            {**about, 'reasons': [_words(reason) for reason in about['reasons'][:3]]}
            for about in self._recorder.recordings.listed[:_LISTED]
        ]
        reported = {'recordings': listed, **({'making': pending[0]} if pending else {})}
        self._context.links.send(msg.Telemetry({'black_box': reported}), link)

    def diagnostic(self, name: str, robot_id: str) -> DiagnosticStatus:
        """Judge it as a part of /diagnostics."""
        problem, lost = self._recorder.problem, self._recorder.lost
        listed = self._recorder.recordings.listed
        bad = DiagnosticStatus.WARN if problem or lost else DiagnosticStatus.OK
        left_out = f'{lost} messages were left out' if lost else ''
        return diagnostic(
            bad,
            f'{name}: black box',
            problem or left_out or 'records',
            robot_id,
            {
                'topics': len(self._topics.names),
                'messages left out': lost,
                'recordings': len(listed),
                'newest recording': listed[0]['name'] if listed else '',
            },
        )


def recordings_folder(configuration: Configuration, state: Path) -> Path:
    """Return the folder that has the recordings, which are bags."""
    folder = configuration['black_box']['folder']
    base = Path(folder).expanduser() if folder else state / 'black_box'
    return base / 'recordings'


def _words(reason: Mapping[str, Any]) -> str:
    return f'{reason.get("kind")}: {reason.get("text")}'


def _size(value: Any) -> int:
    return len(value) if isinstance(value, (str, list, dict)) else 8
