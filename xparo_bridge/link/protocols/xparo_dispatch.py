# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Protocol `xparo_dispatch`: what the platform's live service speaks.

A frame is one JSON object with one or several keys, each a capability, taken in order. A few
things go by REST to the same keys. The service issues the robot its own credential, which is used
instead of the project's secret from the next dial on. docs/protocols.md has the table.

Its shell (`RUN_COMMAND`) reaches only commands that the robot's configuration names, as a
RemoteCommand; keys that push code are refused, and the refusal is reported to the service.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import json
import time
from typing import Any, ClassVar, Self
from urllib.parse import quote
from uuid import uuid4

from ... import messages as msg
from ...credentials import Credentials, REQUIRED
from ...json_writer import dumps
from .base import (
    Frame,
    HttpRequest,
    parse_leniently,
    Protocol,
    ProtocolError,
    read_field,
    read_keys,
    read_options,
    readable,
)
from .dispatch_readers import ANSWERED, number, READERS, refused_order, SYNCED
from .dispatch_writers import NAME, robot_info, WRITERS

HEARTBEAT_PERIOD = 30.0  # s; the service calls a robot offline after 90.
_LOG_IDS = 64  # Log sessions whose own form of an id is remembered.
_JSON = {'Content-type': 'application/json'}


class XparoDispatch(Protocol):
    """One robot's conversation with the platform's live service."""

    name: ClassVar[str] = NAME
    sends_origin = True
    required_credentials = REQUIRED
    asking_words = ('RUN_COMMAND', 'RUN_TASK')
    rest_only = frozenset({msg.Heartbeat, msg.LogUpdate, msg.AskLogSession})

    def __init__(
        self,
        *,
        url: str,
        secret_key: str,
        project_id: str,
        robot_id: str,
        credential: str = '',
        rest_after: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        new_id: Callable[[], str] = lambda: uuid4().hex,
    ) -> None:
        """
        Take the endpoint up to, not including, `/<secret_key>/<project_id>/`.

        `rest_after` is how long the socket may be down, s, before REST takes over, None for never;
        `credential` is what an earlier LinkCredential brought; `clock` and `now` give seconds.
        """
        self._base = url.rstrip('/')
        self._secret_key = secret_key
        self._project_id = project_id
        self._robot_id = robot_id
        self._credential = credential
        self.rest_after = rest_after
        self._clock = clock
        self._now = now
        self._new_id = new_id
        self._next_heartbeat = clock()
        self._tree: dict[Any, dict[str, Any]] = {}  # nodes of the tree that runs, by uid
        self._log_ids: dict[str, Any] = {}  # ids of log sessions as the service has them
        self._readers = {
            **READERS,
            'RUN_COMMAND': self._run_command,
            'log_updated': self._log_session,
        }
        self._writers: dict[type, Callable[[Any], list[dict[str, Any]]]] = {
            **WRITERS,
            msg.ChatRequest: self._chat,
            msg.RobotInfo: self._robot_info,
            msg.BehaviorStatus: self._behavior_status,
            msg.TaskHistory: self._task_history,
            msg.LogUpdate: self._log_update,
            msg.AskLogSession: self._ask_log_session,
            msg.LocalFileState: self._local_file_state,
            msg.LocalFileContent: self._local_file_content,
            msg.LocalEnvironment: self._local_environment,
        }
        self.capabilities = frozenset(self._writers)  # type: ignore[misc]

    @classmethod
    def configured(cls, settings: Mapping[str, Any], credentials: Credentials) -> Self:
        return cls(
            url=settings['url'],
            secret_key=credentials.secret_key,
            project_id=credentials.project_id,
            robot_id=settings['robot_id'],
            credential=credentials.robot_credential,
            **read_options(settings, rest_after=float),
        )

    def url(self) -> str:
        return self._base + self._path()

    def redacted_url(self) -> str:
        return f'{self._base}/***/***/'

    def _path(self) -> str:
        secret = self._credential or self._secret_key
        return f'/{quote(secret, safe="")}/{quote(self._project_id, safe="")}/'

    def refused(self, status: int) -> bool:
        if status != 403 or not self._credential:
            return False
        self._credential = ''
        return True

    def by_rest(self, frame: str = '') -> HttpRequest:
        # wss://host/ws/chatbot_api and https://host/chatbot_api are one service.
        scheme, _, rest = self._base.partition('://')
        host, _, path = rest.partition('/')
        url = f'{"https" if scheme == "wss" else "http"}://{host}/{path.removeprefix("ws/")}'
        if not frame:
            return HttpRequest('GET', url + self._path())
        return HttpRequest('POST', url + self._path(), frame, _JSON)

    def deadline(self) -> float:
        return self._next_heartbeat

    def on_time(self) -> Sequence[msg.Message]:
        if self._clock() < self._next_heartbeat:
            return ()
        self._next_heartbeat = self._clock() + HEARTBEAT_PERIOD
        return (msg.Heartbeat(),)

    def answer(self, message: Any) -> Sequence[Frame]:
        if isinstance(message, msg.Heartbeat):
            return (dumps({'ROBOT_HEARTBEAT': {'device_id': self._robot_id}}),)
        if isinstance(message, msg.RefusedPush) and message.kind == 'custom_node_files':
            failures = [{'name': name, 'reason': message.reason} for name in message.names]
            return (
                dumps({'CUSTOM_NODE_SYNC_RESULT': {'registered_tags': [], 'failures': failures}}),
            )
        if isinstance(message, msg.LinkProblem) and type(message.message) in self._writers:
            return self.encode(message.message)  # An order that could not be read.
        return ()

    def decode(self, frame: Frame) -> Sequence[msg.Message]:
        body, faults = parse_leniently(frame, self.urgent)
        messages: list[msg.Message] = read_keys(body, self._readers, faults, ANSWERED)
        for message in messages:
            if isinstance(message, msg.LinkCredential):
                self._credential = message.value
        return messages

    def encode(self, message: Any) -> Sequence[Frame]:
        writer = self._writers.get(type(message))
        if writer is None:
            self._refuse(message)
        return [dumps(body) for body in writer(message)]

    def _run_command(self, body: dict[str, Any]) -> list[msg.Message]:
        where = 'RUN_COMMAND'
        data = body[where] if isinstance(body[where], dict) else {}
        timeout = min(max(number(data.get('timeout'), 30.0), 1.0), 300.0)
        request_id = data.get('request_id')
        command_id = self._command_id(request_id if readable(request_id) else None)
        try:
            command = read_field(data, 'command', str, where).strip()
            if not command:
                raise ProtocolError(f'{where}: "command" is empty')
        except ProtocolError as error:
            refusal = msg.CommandStatus(
                command_id,
                '',
                msg.CommandState.REJECTED,
                error={'code': msg.ErrorCode.BAD_PARAMETERS, 'message': str(error)},
            )
            return refused_order(str(error), refusal)
        issued = self._now()
        return [
            msg.RemoteCommand(
                command, command_id=command_id, issued_at=issued, deadline=issued + timeout
            )
        ]

    def _command_id(self, request_id: Any) -> str:
        """
        Return a command_id that holds a request_id of any JSON type, see `request_of`.

        So marked, the result of a RUN_COMMAND is told apart from those of other commands. A
        request without an id is none that came before.
        """
        if isinstance(request_id, str) and request_id:
            return f'{NAME}/{request_id}'
        unique = f'#{self._new_id()}' if request_id is None or request_id == '' else ''
        return f'{NAME}#{json.dumps(request_id)}{unique}'

    def _log_session(self, body: dict[str, Any]) -> list[msg.Message]:
        value = body['log_updated']
        if value is None or isinstance(value, (dict, list)):
            raise ProtocolError('log_updated: expected the id of a log session')
        session = value if isinstance(value, str) else json.dumps(value)
        self._log_ids[session] = value
        if len(self._log_ids) > _LOG_IDS:
            del self._log_ids[next(iter(self._log_ids))]
        return [msg.LogSession(session)]

    def _chat(self, chat: msg.ChatRequest) -> list[dict[str, Any]]:
        return [{'ask_bot_api': {'unique_id': self._robot_id, 'data': {}, 'question': chat.text}}]

    def _robot_info(self, info: msg.RobotInfo) -> list[dict[str, Any]]:
        return [{'ADD_robots_info': {**robot_info(info.values), 'device_id': self._robot_id}}]

    def _behavior_status(self, status: msg.BehaviorStatus) -> list[dict[str, Any]]:
        if status.structure:
            self._tree = {
                node['uid']: {**node, 'reported': node.get('status', 'IDLE')}
                for node in status.structure
            }
        return [update for node in status.nodes for update in self._node_updates(node)]

    def _node_updates(self, node: Mapping[str, Any]) -> list[dict[str, Any]]:
        """
        Return the changes of one node since the last report.

        `result` is how its last run ended, `status` what it is now. As the platform's own client
        does it, an end stays until the node runs again, so that SUCCESS and FAILURE are seen.
        """
        uid, stamp = node.get('uid', 0), node.get('timestamp', self._now())
        known = self._tree.setdefault(uid, {})
        known.update({key: node[key] for key in ('name', 'type') if key in node})
        status, result = node.get('status', ''), node.get('result')
        states = [status] if result is None else [result]
        if result is not None and status not in ('IDLE', result):
            states.append(status)
        updates = []
        for state in states:
            previous = node.get('previous', known.get('reported', 'IDLE'))
            if state == previous:
                continue
            known['reported'] = state
            updates.append(
                {
                    'ADD_live_update_bt': {
                        'unique_id': self._robot_id,
                        'node_name': known.get('name', ''),
                        'node_type': known.get('type', ''),
                        'uid': uid,
                        'prev': previous,
                        'curr': state,
                        'timestamp': stamp,
                        'datetime': time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(stamp)),
                    }
                }
            )
        return updates

    def _task_history(self, history: msg.TaskHistory) -> list[dict[str, Any]]:
        return [
            {
                'ADD_Task_history_database': {
                    'unique_id': self._robot_id,
                    'input_data': history.input,
                    'output_data': history.output,
                    'type': history.kind,
                    'created_at': history.created_at,
                }
            }
        ]

    def _log_update(self, log: msg.LogUpdate) -> list[dict[str, Any]]:
        data = {
            'log_files': {'new_entries': list(log.logs)},
            'resources_consuption': log.resources,
            'extra_info': log.extra,
        }
        if log.session_id:
            session = self._log_ids.get(log.session_id, log.session_id)
            return [{'UPDATE_Logs_history_database': {'id': session, **data}}]
        return [
            {
                'ADD_Logs_history_database': {
                    **data,
                    'created_at': log.created_at,
                    'unique_id': self._robot_id,
                }
            }
        ]

    def _ask_log_session(self, ask: msg.AskLogSession) -> list[dict[str, Any]]:
        return self._log_update(msg.LogUpdate(extra=ask.extra, created_at=ask.created_at))

    def _local_file_state(self, state: msg.LocalFileState) -> list[dict[str, Any]]:
        kinds = {
            kind: {name: {'content_hash': found} for name, found in hashes.items()}
            for kind, hashes in state.hashes.items()
        }
        return [{'LOCAL_FILE_STATE': {**self._kept_files, **kinds}}]

    def _local_file_content(self, content: msg.LocalFileContent) -> list[dict[str, Any]]:
        return [{'LOCAL_FILE_CONTENT': {**self._kept_files, **content.files}}]

    @property
    def _kept_files(self) -> dict[str, Any]:
        # Code is never among them.
        return {
            'device_id': self._robot_id,
            'custom_node_files': {},
            **{kind: {} for kind in SYNCED},
        }

    def _local_environment(self, environment: msg.LocalEnvironment) -> list[dict[str, Any]]:
        return [{'ADD_robots_maps': {'device_id': self._robot_id, 'maps': environment.text}}]
