# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Passes an agent's widgets to a screen beside the chat, and back what people do on them.

Topics `~/chat/widget` (JSON, out) and `~/chat/widget_action` (JSON {tool, parameters, speak}, in).
"""

from __future__ import annotations

import json

from std_msgs.msg import String

from ... import messages as msg
from ...json_reader import JsonError, read_object
from ...ros.entities import publisher, subscription
from ..features import Feature, FeatureContext, Handlers


class Widgets(Feature):
    """The agents' widgets; on the ROS thread."""

    def __init__(self, context: FeatureContext) -> None:
        self._context = context
        self._links = context.links.that_carry(msg.AgentAction)
        self._widget = publisher(context.node, String, '~/chat/widget')
        subscription(context.node, String, '~/chat/widget_action', self._on_action)
        self.handlers = Handlers()
        self.handlers.on(msg.Widget, self._on_widget)

    def _on_widget(self, link: str, widget: msg.Widget) -> None:
        self._widget.publish(String(data=json.dumps(widget.content)))

    def _on_action(self, action: String) -> None:
        problem = 'expected a JSON object with "tool" and, where it has any, "parameters"'
        try:
            data = read_object(action.data)
            if isinstance(data['tool'], str) and isinstance(data.get('parameters', {}), dict):
                problem = self._context.links.send_now(
                    msg.AgentAction(
                        data['tool'], data.get('parameters', {}), data.get('speak') is True
                    ),
                    self._links[0],
                )
        except JsonError as error:
            problem = str(error)
        except KeyError:
            pass
        if problem:
            self._context.node.get_logger().warning(f'~/chat/widget_action: {problem}')
