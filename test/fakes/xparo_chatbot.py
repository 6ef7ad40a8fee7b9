# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
A fake of the platform's chatbot API: `python test/fakes/xparo_chatbot.py --port 8003`.

It keeps one project, answers questions from the AIML it was given and chokes on a key that is
unknown or has another value than the documents say.
"""

from __future__ import annotations

import re
from typing import Any

from peer import check, Choke, FakePeer, run

COMMANDS = {
    'initialize_api': dict,
    'xparo_get_schedule': dict,
    'xparo_sync_config': dict,
    'save_aiml': str,
    'ask_bot': str,
    'xparo_schedule_control': dict,
    'xparo_delete_schedule_control': dict,
}


class FakeXparoChatbot(FakePeer):
    """A platform with one project, `SECRET/PROJECT`."""

    routes = {'/chatbot_api/{secret}/{project}/': 'chatbot'}

    def __init__(self) -> None:
        super().__init__()
        self.aiml = '<category><pattern>HI</pattern><template>hello</template></category>'
        self.schedule: dict[str, Any] = {}

    def refuse(self, request: Any) -> int | None:
        known = request.match_info == {'secret': 'SECRET', 'project': 'PROJECT'}
        return None if known else 403

    async def text(self, ws: Any, body: dict[str, Any]) -> None:
        if len(body) != 1:
            raise Choke(f'expected one command a frame, not {len(body)}')
        check(body, {}, 'command', COMMANDS)
        ((command, value),) = body.items()
        if command == 'initialize_api':
            await ws.send_json(
                {
                    'status': True,
                    'title': 'hello',
                    'disc': 'hi',
                    'goal': 'Basic',
                    'rules': '',
                    'api_key': '',
                    'aiml': self.aiml,
                    'maps': '',
                    'Sets': '',
                    'properties': '',
                    'System': '',
                }
            )
        elif command == 'xparo_get_schedule':
            await ws.send_json({'schedule_control': self.schedule})
        elif command == 'xparo_sync_config':
            await ws.send_json({'change_config': {'xparo_name': 'hello'}})
        elif command == 'save_aiml':
            self.aiml = value
        elif command == 'ask_bot':
            await ws.send_json({'message': {'bot_response': self.answer(value)}})
        elif command == 'xparo_schedule_control':
            for name, when in value.items():
                if not isinstance(when, dict) or not re.fullmatch(
                    r'\d{4}-\d\d-\d\d \d\d:\d\d', f'{when.get("date")} {when.get("time")}'
                ):
                    raise Choke(f'schedule of {name}: {when}')
            self.schedule = value
        else:
            self.schedule = {}

    def answer(self, question: str) -> str:
        """Answer from the AIML, or as the platform does without one."""
        for pattern, template in re.findall(
            r'<pattern>(.*?)</pattern><template>(.*?)</template>', self.aiml
        ):
            if pattern == question.upper() and template:
                return str(template)
        return "let's check this thing on internet"


if __name__ == '__main__':
    run(lambda given: FakeXparoChatbot(), 8003)
