# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The bridge's own nodes: commands, talk and telemetry.

- RemoteCommand: runs a command of the configuration, as if the platform had sent it. RUNNING until
  it has ended; SUCCESS if it succeeded, else FAILURE. Halted: the command is cancelled.
- Say: SUCCESS once the text is on its way to the platform; no answer is waited for.
- Chat: RUNNING until the platform answered; SUCCESS with its answer, FAILURE without.
- SendTelemetry: SUCCESS once its ports are on their way as telemetry; FAILURE if no link has any.

RemoteCommand and SendTelemetry take any port: its name is the parameter's or the value's. A
literal that is a JSON number, truth value, list or object is taken as that, any other as text.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from ...json_reader import JsonError, read_json, read_object
from ...json_writer import dumps
from ...messages import CommandState, Telemetry
from ...messages import RemoteCommand as Command
from ...ros.values import plain
from ..errors import NodeError
from ..leaves import LeafNode, StatefulAction, SyncAction
from ..manifest import Manifest, NodeConfig
from ..node import FAILURE, RUNNING, SUCCESS
from ..ports import input_port, output_port, pointed_key, remapped_key
from ..registry import NodeRegistry
from ..status import NodeKind, NodeStatus
from .robot_commands import CommandRun, KnownCommands, NoCommands, RobotCommands, TREE
from .service_leaf import RosService, ServiceUse
from .topic_leaf import PublishUse, RosTopicPublish
from .tree_ros import tree_ros

# The names by which a tree's context has what these nodes use.
COMMANDS = 'commands'
SEND = 'send'


class _PendingRun:
    """A command that has to end before another tree may begin."""

    def __init__(self, commands: RobotCommands, run: CommandRun) -> None:
        self._commands = commands
        self.run = run
        self.ending = False

    @property
    def ended(self) -> bool:
        return not self.run.open

    def poll(self) -> None:
        """Nothing: the router looks after its runs."""

    def cancel(self) -> None:
        if not self.ended:
            self.ending = True
            self._commands.cancel(self.run)


class RemoteCommand(StatefulAction):
    """Runs a command of the configuration."""

    PORTS = (
        input_port('command', 'string', doc='its name in the configuration'),
        input_port('parameters', 'string', doc='json: and an object of parameters'),
        output_port('result', 'string', doc='JSON object of what it gave'),
        output_port('error', 'string', doc='why it failed'),
    )

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._pending: _PendingRun | None = None
        self._commands: RobotCommands = self.context.services.get(COMMANDS) or NoCommands()
        self.moves = self._commands.moves_base(self.command_name())

    def command_name(self) -> str:
        """The name of the command; '' if only an entry has it, yet."""
        return str(self.find_input('command', ''))

    def on_start(self) -> NodeStatus:
        self.feedback_message = ''
        self._pending = None
        return self.on_running()

    def on_running(self) -> NodeStatus:
        ros = tree_ros(self.context)
        if self._pending is None:
            if ros.ending:
                return RUNNING
            name = self.command_name()
            if not name:
                raise NodeError('the port [command] has no value')
            command = Command(name, self.parameters())
            run = self._commands.execute(command, TREE)
            self._pending = _PendingRun(self._commands, run)
            ros.watch(self._pending)
        run = self._pending.run
        if run.open:
            return RUNNING
        status = run.status
        self.set_output('result', dumps(jsonable(status.result or {})))
        self.set_output('error', (status.error or {}).get('message', ''))
        self.feedback_message = (status.error or {}).get('message', '')
        return SUCCESS if run.state is CommandState.SUCCEEDED else FAILURE

    def on_halted(self) -> None:
        if self._pending is not None:
            self._pending.cancel()

    def parameters(self) -> dict[str, Any]:
        """The parameters of the command, from the ports."""
        try:
            parameters = _read_parameters(self.find_input('parameters') or '')
        except JsonError as error:
            raise NodeError(f'the port [parameters]: {error}') from error
        return {**parameters, **free_ports(self)}


def check_command(config: NodeConfig, command: str, known: KnownCommands | None) -> Iterator[str]:
    """
    Say what is wrong with a command that a node runs, as far as that can be known before.

    `known` are the commands of the configuration, for where there is no robot to ask.
    """
    commands: KnownCommands | None = config.context.services.get(COMMANDS) or known
    if pointed_key(command) is not None:
        return
    if not command:
        yield 'the port [command] has no value: it names a command of the configuration'
    elif commands is None:
        return
    elif not commands.knows(command):
        yield from commands.problems(command, {})
    elif config.type_id == RemoteCommand.__name__:
        ports = {
            name: text for name, text in config.inputs.items() if name not in ('command', 'result')
        }
        if any(remapped_key(name, text) is not None for name, text in ports.items()):
            return
        try:
            given = _read_parameters(ports.pop('parameters', ''))
        except JsonError as error:
            yield f'the port [parameters]: {error}'
            return
        values = {name: _json_value(text) for name, text in ports.items() if name != 'error'}
        yield from commands.problems(command, {**given, **values})


def _read_parameters(text: str) -> dict[str, Any]:
    """Parameters in JSON; as a literal behind `json:`, since {…} alone names an entry."""
    return read_object(text.removeprefix('json:') or '{}')


class SendTelemetry(SyncAction):
    """Sends the values of its ports as telemetry."""

    def on_tick(self) -> NodeStatus:
        send: Callable[[Any], bool] | None = self.context.services.get(SEND)
        values = free_ports(self)
        if not values:
            raise NodeError('SendTelemetry has no port with a value')
        if send is None or not send(Telemetry(values)):
            self.feedback_message = 'no link carries telemetry'
            return FAILURE
        return SUCCESS


def free_ports(leaf: LeafNode) -> dict[str, Any]:
    """The values of the ports that a tree gave a leaf beside those its type declares."""
    return {
        name: _json_value(leaf.get_input(name))
        for name in leaf.config.inputs
        if name not in leaf.config.manifest.ports
    }


def _json_value(value: Any) -> Any:
    if isinstance(value, str):
        try:
            parsed = read_json(value)
        except JsonError:
            return value
        return parsed if isinstance(parsed, (bool, int, float, list, dict)) else value
    return jsonable(value)


def jsonable(value: Any) -> Any:
    """A value of a blackboard as JSON can have it; messages become objects of their fields."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(item) for item in value]
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    if hasattr(value, 'get_fields_and_field_types'):
        return jsonable(plain(value))
    return str(value)


def register(registry: NodeRegistry, bridge: str, commands: KnownCommands | None = None) -> None:
    """
    Make the bridge's nodes known.

    `bridge` is the full name of its node, and `commands` are those of the configuration.
    """
    text = input_port('message', 'string', doc='what to say')
    registry.add(
        Manifest(
            'Say',
            NodeKind.ACTION,
            {'message': text},
            partial(
                RosTopicPublish,
                use=PublishUse(
                    'xparo_interfaces/msg/ChatMessage',
                    f'{bridge}/chat/outgoing',
                    {'message': 'text'},
                    frozenset(('message',)),
                ),
            ),
            description='Says something to the platform.',
        )
    )
    chat = (
        text,
        input_port('timeout', 'double', 20.0, 's to wait for the answer'),
        output_port('reply', 'string', doc='the answer'),
    )
    registry.add(
        Manifest(
            'Chat',
            NodeKind.ACTION,
            {port.name: port for port in chat},
            partial(
                Chat,
                use=ServiceUse(
                    'xparo_interfaces/srv/Chat',
                    f'{bridge}/chat',
                    {'message': 'message', 'timeout': 'timeout'},
                    {'reply': 'reply'},
                    frozenset(('message',)),
                    'success',
                ),
            ),
            description='Says something to the platform and waits for its answer.',
        )
    )
    for node_class in (RemoteCommand, SendTelemetry):
        check = None
        if node_class is RemoteCommand:

            def check(config: NodeConfig) -> Iterator[str]:
                return check_command(config, config.inputs.get('command', ''), commands)

        registry.add(
            Manifest(
                node_class.__name__,
                NodeKind.ACTION,
                {port.name: port for port in node_class.PORTS},
                node_class,
                accepts_any_port=True,
                description=node_class.__doc__ or '',
                check=check,
            )
        )


class Chat(RosService):
    """Asks the platform."""

    def on_start(self) -> NodeStatus:
        # The bridge's own service says when it gave up.
        self.use = replace(self.use, server_timeout=self.get_input('timeout') + 2.0)
        return super().on_start()
