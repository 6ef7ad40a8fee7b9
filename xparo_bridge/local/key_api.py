# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Answers the platform's APIs in which the keys of an object are commands.

The documented chatbot API (`initialize_api`, `ask_bot`, …) and what the platform's live service
takes from its own clients (`ADD_robots_info`, `ask_bot_api`, …), by WebSocket and by REST alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
import itertools
import json
import secrets
from typing import Any
from xml.etree.ElementTree import Element, tostring

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring, ParseError

from ..json_reader import read_json
from .chat_rules import answer
from .platform_frames import FrameRefused
from .platform_store import EXCERPT, RobotRecord

MAX_TEXT = 1 << 20  # characters of AIML or of a schedule that are kept
MAX_LOGS = 10_000  # log sessions of which it is known whose they are
Answer = dict[str, Any]

# Keys that a robot sends and that want no answer; they are recorded as they come.
RECORDED = frozenset(
    {
        'initiliaze',  # As its client spells it, before it asks by REST again and again.
        'ROBOT_HEARTBEAT',
        'UPDATE_Logs_history_database',
        'ADD_live_update_bt',
        'ADD_live_update_database',
        'ADD_robots_maps',
        'LOCAL_FILE_STATE',
        'LOCAL_FILE_CONTENT',
        'COMMAND_RESULT',
        'TASK_RESULT',
        'TELEOP_ACK',
        'FILE_LIST',
        'FILE_REQ',
        'FILE_CHUNK',
        'FILE_COMPLETE',
        'DELETE_ACK',
        'CUSTOM_NODE_SYNC_RESULT',
        'error',
    }
)
# Tables of the platform's database: a new row is acknowledged by its id.
ROWS = tuple(
    f'ADD_{table}_database'
    for table in ('Task_history', 'Chat_prompts', 'Sensor', 'Reports', 'Feedback')
)


class KeyApi:
    """What the platform keeps of one project, and what it answers to each key."""

    def __init__(self, title: str = 'local platform') -> None:
        self.credential = secrets.token_urlsafe(24)
        self._introduced: set[str] = set()
        self._logs: dict[str, str] = {}  # whose each log session is
        self._numbers = itertools.count(1)
        self._title = title
        self._aiml = ''
        self._schedule: dict[str, Any] = {}
        self._answers: dict[str, Callable[[Any, RobotRecord], Answer]] = {
            'initialize_api': lambda value, robot: self._project(),
            'xparo_get_schedule': lambda value, robot: {'schedule_control': self._schedule},
            'xparo_sync_config': lambda value, robot: {'change_config': {'xparo_name': title}},
            'save_aiml': self._save_aiml,
            'ask_bot': lambda value, robot: self._reply(value, robot),
            'ask_bot_api': self._ask_bot_api,
            'xparo_schedule_control': self._save_schedule,
            'xparo_delete_schedule_control': self._delete_schedule,
            'ADD_robots_info': self._introduce,
            'ADD_Logs_history_database': self._begin_log,
            **dict.fromkeys(ROWS, self._row),
        }

    def robot_id_of(self, body: Mapping[str, Any]) -> str:
        """Return the robot's name where a frame has it, or its log session, else an empty text."""
        name = robot_id_of(body)
        log = body.get('UPDATE_Logs_history_database')
        session = log.get('id') if isinstance(log, dict) else None
        return name or (self._logs.get(session, '') if isinstance(session, str) else '')

    def knows(self, key: str) -> bool:
        """Whether a robot of this API says such a thing."""
        return key in RECORDED or key in self._answers

    def answer(self, body: Mapping[str, Any], robot: RobotRecord) -> tuple[Answer, list[str]]:
        """Answer the keys of a frame in order; the answer, and what was wrong with the frame."""
        said: Answer = {}
        problems: list[str] = []
        for key, value in body.items():
            robot.count(key[:80])
            if not self.knows(key):
                problems.append(f'unknown key "{key[:80]}"')
            if key not in self._answers:
                continue
            try:
                said |= self._answers[key](value, robot)
            except FrameRefused as error:
                problems.append(f'{key}: {error}')
        if problems and not said:
            said['error'] = {'message': '; '.join(problems[:5])}
        return said, problems

    def _project(self) -> Answer:
        return {
            'status': True,
            'title': self._title,
            'disc': '',
            'goal': 'Basic',
            'rules': '',
            'api_key': '',
            'aiml': self._aiml,
            'maps': '',
            'Sets': '',
            'properties': '',
            'System': '',
        }

    def _save_aiml(self, value: Any, robot: RobotRecord) -> Answer:
        # The platform's newer client sends all its files by this key; those are not asked for.
        if isinstance(value, str) and len(value) <= MAX_TEXT:
            self._aiml = value
        return {}

    def _reply(self, question: Any, robot: RobotRecord) -> Answer:
        if not isinstance(question, str):
            raise FrameRefused('expected a question as text')
        reply = _template(self._aiml, question) or answer(question, robot.telemetry)
        robot.chat.append({'from': 'platform', 'text': reply})
        return {'message': {'bot_response': reply}}

    def _ask_bot_api(self, value: Any, robot: RobotRecord) -> Answer:
        return self._reply(_object(value).get('question'), robot)

    def _save_schedule(self, value: Any, robot: RobotRecord) -> Answer:
        if len(json.dumps(_object(value))) > MAX_TEXT:
            raise FrameRefused('a schedule of over 1 MB')
        self._schedule = value
        return {}

    def _delete_schedule(self, value: Any, robot: RobotRecord) -> Answer:
        self._schedule = {}
        return {}

    def _introduce(self, value: Any, robot: RobotRecord) -> Answer:
        device = _object(value).get('device_id')
        if not isinstance(device, str) or not device:
            raise FrameRefused('"device_id" is missing')
        robot.robot_info = value
        if device in self._introduced or len(self._introduced) >= 10_000:
            return {}
        # A credential is issued once, on the first connection of a robot.
        self._introduced.add(device)
        return {'ROBOT_CREDENTIAL': self.credential}

    def _begin_log(self, value: Any, robot: RobotRecord) -> Answer:
        session = str(next(self._numbers))
        self._logs[session] = robot_id_of({'log': value}) or robot.robot_id
        if len(self._logs) > MAX_LOGS:
            del self._logs[next(iter(self._logs))]
        return {'log_updated': session}

    def _row(self, value: Any, robot: RobotRecord) -> Answer:
        task = _object(value).get('task_id')
        return {'task_updated': task if isinstance(task, str) else str(next(self._numbers))}


def robot_id_of(body: Mapping[str, Any]) -> str:
    """Return the robot's name where a frame has it, else an empty text."""
    for value in body.values():
        if isinstance(value, dict):
            for key in ('device_id', 'unique_id'):
                if isinstance(value.get(key), str):
                    return str(value[key])
    return ''


def said_to_robot(frame: Any) -> tuple[str, Mapping[str, Any]]:
    """Return kind and data of a frame to a robot, of one of keys those that say the same."""
    if not isinstance(frame, dict):
        return '', {}
    if 'type' in frame:
        return str(frame['type']), _as_object(frame.get('data'))
    if 'RUN_COMMAND' in frame:
        order = _as_object(frame['RUN_COMMAND'])
        said = {'command': order.get('command'), 'command_id': order.get('request_id')}
        return 'remote_command', said
    if 'message' in frame:
        return 'chat_response', {'response': _as_object(frame['message']).get('bot_response', '')}
    return '', {}


def results(body: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """
    Yield documented messages that say the same as keys of a robot.

    They are a question, and how a RUN_COMMAND or a RUN_TASK ended.
    """
    asked = body.get('ask_bot', _as_object(body.get('ask_bot_api')).get('question'))
    if isinstance(asked, str):
        yield 'chat', {'message': asked}
    order, task = body.get('COMMAND_RESULT'), body.get('TASK_RESULT')
    if isinstance(order, dict) and isinstance(order.get('request_id'), str):
        state = 'timed_out' if order.get('timed_out') is True else _ended(order)
        yield (
            'command_status',
            {
                'command_id': order['request_id'],
                'command': str(order.get('command', '')),
                'state': state,
                **_output(str(order.get('output', '')), state),
            },
        )
    if isinstance(task, dict) and isinstance(task.get('task_id'), str):
        error = str(task.get('error') or '')[:EXCERPT]
        status = {'tree_name': task['task_id'], 'state': _ended(task)}
        yield 'behavior_status', status | ({'errors': [{'message': error}]} if error else {})


def _output(text: str, state: str) -> dict[str, Any]:
    """
    Return the result that a robot with this bridge writes as JSON, else the text's begin.

    What a command that failed printed last is why it failed.
    """
    try:
        result = read_json(text) if len(text) <= MAX_TEXT else None
    except ValueError:
        result = None
    if isinstance(result, dict):
        return {'result': result}
    if state == 'succeeded':
        return {'result': {'output': text[:EXCERPT]}}
    return {'error': {'message': text[-EXCERPT:].strip() or state}}


def _ended(result: Mapping[str, Any]) -> str:
    return 'succeeded' if result.get('success') is True else 'failed'


def task_xml(xml: str) -> str:
    """
    Return a tree as the platform keeps it: its root node alone, without the document around it.

    The platform's own client runs nothing else. What is not one tree stays as it is.
    """
    try:
        root: Element = fromstring(xml.strip())
    except (ParseError, DefusedXmlException, ValueError, RecursionError):
        return xml
    trees = [root] if root.tag == 'BehaviorTree' else root.findall('BehaviorTree')
    if len(trees) != 1 or len(trees[0]) != 1:
        return xml
    return tostring(trees[0][0], 'unicode').strip()


def _as_object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FrameRefused('expected an object')
    return value


def _template(aiml: str, question: str) -> str:
    """Return what the AIML has for a question, an empty text if it has nothing."""
    try:
        root: Element = fromstring(f'<aiml>{aiml}</aiml>')
    except (ParseError, DefusedXmlException, ValueError, RecursionError):
        return ''
    asked = ' '.join(question.upper().split()).rstrip('?!. ')
    for category in root.iter('category'):
        pattern, template = category.find('pattern'), category.find('template')
        if pattern is not None and template is not None:
            if ' '.join(''.join(pattern.itertext()).upper().split()) == asked:
                return ''.join(template.itertext()).strip()
    return ''
