# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Script, ScriptCondition and Precondition: nodes that run a script.

- Script: SUCCESS once the script has run.
- ScriptCondition: SUCCESS if the script is true, else FAILURE.
- Precondition: the child if the script is true, else the status that `else` names. Once the
  script was true it is not asked again until the child is done, not even after a halt.
"""

from __future__ import annotations

from ..leaves import Condition, SyncAction
from ..manifest import NodeConfig
from ..node import FAILURE, SUCCESS, TreeNode
from ..ports import input_port, NODE_STATUS, STRING
from ..script import Script
from ..status import NodeStatus
from .decorator import Decorator


class PortScript:
    """The script in a port, compiled again only when an entry changes its text."""

    def __init__(self, node: TreeNode, port: str) -> None:
        self._node = node
        self._port = port
        self._script: Script | None = None
        self.current()

    def current(self) -> Script:
        node = self._node
        text = node.get_input(self._port, STRING)
        if self._script is None or text != self._script.text:
            self._script = node.context.scripts.compile(text, node.blackboard)
        return self._script


class ScriptAction(SyncAction):
    """Runs a script."""

    PORTS = (input_port('code', STRING, doc='the script'),)

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._script = PortScript(self, 'code')

    def on_tick(self) -> NodeStatus:
        self._script.current()()
        return SUCCESS


class ScriptCondition(Condition):
    """Succeeds if a script is true."""

    PORTS = (input_port('code', doc='the script'),)

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._script = PortScript(self, 'code')

    def on_tick(self) -> NodeStatus:
        return SUCCESS if self._script.current().is_true() else FAILURE


class Precondition(Decorator):
    """Ticks its child if a script is true."""

    PORTS = (
        input_port('if', STRING, doc='the script'),
        input_port('else', NODE_STATUS, 'FAILURE', 'the status if the script is false'),
    )

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self._script = PortScript(self, 'if')
        self._entered = False

    def on_tick(self) -> NodeStatus:
        script = self._script.current()
        otherwise: NodeStatus = self.get_input('else')
        if not self._entered:
            self._entered = script.is_true()
            if not self._entered:
                return otherwise
        status = self.children[0].execute_tick()
        if status is SUCCESS or status is FAILURE:
            self.reset_child()
            self._entered = False
        return status
