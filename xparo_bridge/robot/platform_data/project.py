# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
The platform's project on the robot: its texts and AIML, and settings that it changes.

Latched topics `~/aiml` and `~/project` (JSON of the other texts), kept on disk, so that they are
there without the platform too. Topic `~/config_change` (JSON) has what the platform changed;
keys that `project.parameters` names are set as ROS parameters, no others. A link that may not
command changes no setting. Services `~/aiml/save` and `~/config/sync`.
"""

from __future__ import annotations

from dataclasses import asdict, fields
import json
from typing import Any

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import String
from std_srvs.srv import Trigger
from xparo_interfaces.srv import SaveAiml

from ... import messages as msg
from ...ros import entities
from ...state import NoRoom
from ..features import Feature, FeatureContext, Handlers
from ..links.replies import Replies
from .project_parameters import ProjectParameters

_LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
# A secret of the project that no node of the robot needs.
_NEVER_SHOWN = 'api_key'
_TEXTS = [field.name for field in fields(msg.ProjectState) if field.name != _NEVER_SHOWN]
# Room for all texts on disk, bytes.
_MAX_BYTES = 16 * 1024 * 1024


class Project(Feature):
    """What the platform knows of the robot's project; on the ROS thread."""

    def __init__(self, context: FeatureContext) -> None:
        """Take up and publish what the last run kept."""
        node = context.node
        self._context = context
        self._logger = node.get_logger()
        self._timeout = context.configuration['chat']['timeout']
        self._parameters = ProjectParameters(node, context.configuration['project']['parameters'])
        self._links = context.links.that_carry(msg.SaveAiml)
        self._kept = context.state.table('project', max_entries=100, max_bytes=_MAX_BYTES)
        self._texts = {name: text for name, text in self._kept.items() if name in _TEXTS}
        self._replies = Replies(node)
        self.handlers = Handlers()
        self.handlers.on(msg.ProjectState, self._on_project)
        self.handlers.on(msg.ConfigChange, self._on_config)
        self._aiml = entities.publisher(node, String, '~/aiml', _LATCHED)
        self._project = entities.publisher(node, String, '~/project', _LATCHED)
        self._changes = entities.publisher(node, String, '~/config_change')
        if self._links:
            group = ReentrantCallbackGroup()
            entities.service(node, SaveAiml, '~/aiml/save', self._on_save_aiml)
            entities.service(node, Trigger, '~/config/sync', self._on_sync, callback_group=group)
        self._publish()

    def _publish(self) -> None:
        self._aiml.publish(String(data=self._texts.get('aiml', '')))
        self._project.publish(
            String(
                data=json.dumps(
                    {name: text for name, text in self._texts.items() if name != 'aiml'}
                )
            )
        )

    def _put(self, texts: dict[str, str]) -> None:
        if any(self._texts.get(name) != text for name, text in texts.items()):
            self._texts |= texts
            for name, text in texts.items():
                try:
                    self._kept.put(name, text)
                except NoRoom as error:
                    self._logger.error(f'{name} is lost at a restart: {error}')
            self._publish()

    def _on_project(self, link: str, project: msg.ProjectState) -> None:
        texts = asdict(project)
        whole = link in self._links  # A link of that kind sends all of it, others what changed.
        self._put({name: texts[name] for name in _TEXTS if whole or texts[name]})

    def _on_config(self, link: str, change: msg.ConfigChange) -> None:
        if self._context.roles.may_command(link):
            self._changes.publish(String(data=json.dumps(change.values)))
            self._parameters.change(change.values)
        else:
            self._logger.warning(f'{link}: settings not taken: this link may not command')
        self._replies.arrived(link, change)

    def _on_save_aiml(self, request: Any, response: Any) -> Any:
        link = request.link or self._links[0]
        if link not in self._links:
            response.error = f'link {link} keeps no AIML; those that do: {", ".join(self._links)}'
            return response
        self._context.links.send(msg.SaveAiml(request.aiml), link)
        self._put({'aiml': request.aiml})
        response.success = True
        return response

    async def _on_sync(self, request: Any, response: Any) -> Any:
        link = self._links[0]
        response.message = self._context.links.send_now(msg.SyncConfig(), link)
        if not response.message:
            change = await self._replies.expect(link, self._timeout)
            response.success = change is not None
            response.message = (
                json.dumps(change.values)
                if change is not None
                else 'the platform did not answer in time'
            )
        return response
