# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
A fake of the platform's live service: `python test/fakes/xparo_dispatch.py --port 8004`.

It knows one project, gives a robot that introduces itself a credential and takes the same keys by
socket and by REST. It chokes on a key that is unknown or lacks what the service reads.
"""

from __future__ import annotations

import base64
from typing import Any

from aiohttp import web
from peer import check, Choke, FakePeer, parse, run

TEXT, NUMBER = str, (int, float)
KEYS: dict[str, dict[str, Any]] = {
    'ask_bot_api': {'unique_id': str, 'data': dict, 'question': str},
    'ADD_live_update_bt': {
        'unique_id': str,
        'node_name': str,
        'node_type': str,
        'uid': (int, str),
        'prev': str,
        'curr': str,
        'timestamp': NUMBER,
        'datetime': str,
    },
    'ADD_Task_history_database': {
        'unique_id': str,
        'input_data': dict,
        'output_data': dict,
        'type': str,
        'created_at': str,
    },
    'ADD_Logs_history_database': {
        'log_files': dict,
        'resources_consuption': dict,
        'extra_info': dict,
        'created_at': str,
        'unique_id': str,
    },
    'UPDATE_Logs_history_database': {
        'id': str,
        'log_files': dict,
        'resources_consuption': dict,
        'extra_info': dict,
    },
    'ROBOT_HEARTBEAT': {'device_id': str},
    'TELEOP_ACK': {'success': bool},
    'FILE_LIST': {'tree': list, 'base_dir': str},
    'FILE_CHUNK': {'data': str},
    'FILE_COMPLETE': {'status': str, 'expected': int, 'received': int},
    'COMMAND_RESULT': {
        'request_id': (str, int, float, bool, list, dict, type(None)),
        'command': str,
        'success': bool,
        'exit_code': (int, type(None)),
        'timed_out': bool,
        'output': str,
        'truncated': bool,
    },
    'CUSTOM_NODE_SYNC_RESULT': {'registered_tags': list, 'failures': list},
}
OPEN_KEYS = {
    'ADD_robots_info': {'device_id': str},
    'DELETE_ACK': {'success': bool},
    'FILE_REQ': {'filename': str, 'direction': str},
    'TASK_RESULT': {'success': bool, 'duration_s': float, 'error': str},
    'error': {'message': str},
    'LOCAL_FILE_STATE': {'device_id': str},
    'LOCAL_FILE_CONTENT': {'device_id': str},
    'ADD_robots_maps': {'device_id': str, 'maps': str},
}


class FakeXparoDispatch(FakePeer):
    """A service with one project, `SECRET/PROJECT`, that knows one robot by its credential."""

    routes = {'/ws/chatbot_api/{secret}/{project}/': 'dispatch'}

    def __init__(self, credential: str = 'CREDENTIAL') -> None:
        super().__init__()
        self.credential = credential
        self.credential_good = True
        self.introduced = False
        self.socket_down = False
        self.dialled_with: list[str] = []
        self.posted: list[dict[str, Any]] = []
        self.waiting: dict[str, Any] = {}  # what the next GET fetches

    def add_rest(self, application: web.Application) -> None:
        application.router.add_get('/chatbot_api/{secret}/{project}/', self._get)
        application.router.add_post('/chatbot_api/{secret}/{project}/', self._post)

    def refuse(self, request: Any) -> int | None:
        secret = request.match_info['secret']
        if request.path.startswith('/ws/'):
            self.dialled_with.append(secret)
            if self.socket_down:
                return 503
        known = secret == 'SECRET' or (secret == self.credential and self.credential_good)
        return None if known and request.match_info['project'] == 'PROJECT' else 403

    async def text(self, ws: Any, body: dict[str, Any]) -> None:
        answer = self.take(body)
        if answer:
            await ws.send_json(answer)

    def take(self, body: dict[str, Any]) -> dict[str, Any]:
        """Take a frame's keys; what the service answers."""
        answer: dict[str, Any] = {}
        for key, value in body.items():
            required = KEYS.get(key) or OPEN_KEYS.get(key)
            if required is None:
                raise Choke(f'unknown key {key}')
            if not isinstance(value, dict):
                raise Choke(f'{key} is {type(value).__name__}')
            fields = (
                value
                if key in KEYS
                else {name: item for name, item in value.items() if name in required}
            )
            check(fields, required, key)
            if key == 'ADD_robots_info' and not self.introduced:
                self.introduced = True
                answer['ROBOT_CREDENTIAL'] = self.credential
            elif key == 'ask_bot_api':
                answer['message'] = {'bot_response': f'You said: {value["question"]}'}
            elif key == 'ADD_Logs_history_database':
                answer['log_updated'] = '17'
            elif key == 'FILE_CHUNK' and len(base64.b64decode(value['data'])) > 65536:
                raise Choke('a chunk over 64 KiB')
        return answer

    async def _post(self, request: web.Request) -> web.Response:
        if self.refuse(request):
            return web.Response(status=403)
        body = parse(await request.text())
        self.posted.append(body)
        self._news.set()
        try:
            return web.json_response(self.take(body), status=201)
        except Choke as choke:
            self.problems.append(str(choke))
            return web.Response(status=500)

    async def _get(self, request: web.Request) -> web.Response:
        if self.refuse(request):
            return web.Response(status=403)
        waiting, self.waiting = self.waiting, {}
        return web.json_response(waiting, status=201)


if __name__ == '__main__':
    run(lambda given: FakeXparoDispatch(), 8004)
