# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Tasks of a platform: a behaviour tree with what its blackboard starts with, run to its end.

A task says how far it is proven; one that is not as far as `tasks.stages` asks is refused. Trees
that are pushed without a task are checked and kept, for commands to run by name.
"""

from __future__ import annotations

import re
import time
from typing import Any
from xml.sax.saxutils import quoteattr

from ... import messages as msg
from ...behavior.errors import TreeErrors
from ..features import Feature, FeatureContext

# One name for all, so that no task's tree stays when the next one comes.
_NAME = 'task'
_WHOLE = re.compile(r'\s*(?:<\?.*?\?>\s*|<!--.*?-->\s*)*<(?:root|BehaviorTree)\b', re.DOTALL)


class Tasks(Feature):
    """Every task is answered once, with TaskResult."""

    def __init__(self, context: FeatureContext) -> None:
        self._context = context
        self._stages = context.configuration['tasks']['stages']
        self.handlers = {msg.RunTask: self._on_task, msg.TreePush: self._on_push}

    def _on_push(self, link: str, push: msg.TreePush) -> None:
        warn = self._context.node.get_logger().warning
        if not self._context.roles.may_command(link):
            warn(f'{link}: trees not kept: this link may not command')
            return
        for name, xml in push.trees.items():
            try:
                self._context.trees.load(name, _document(xml, name))
            except TreeErrors as error:
                warn(f'{link}: tree {name!r} not kept: {error}')

    def _on_task(self, link: str, task: msg.RunTask) -> None:
        if task.stage not in self._stages:
            self._context.links.send(
                msg.TaskResult(
                    task.task_id,
                    False,
                    0.0,
                    f'a task of stage "{task.stage}" may not run here; '
                    f'{", ".join(self._stages)} may',
                    stage_mismatch=True,
                ),
                link,
            )
            return
        began = time.monotonic()

        def ended(error: str, blackboard: Any) -> None:
            self._tell(link, task, time.monotonic() - began, error, blackboard)

        if not self._context.roles.may_command(link):
            ended('this link may not command', {})
            return
        try:
            self._context.trees.run_xml(
                _NAME,
                _document(task.tree_xml, _NAME),
                task.blackboard,
                on_end=lambda run: ended(
                    '' if run.state == 'succeeded' else run.error or 'the tree failed',
                    run.blackboard(),
                ),
            )
        except TreeErrors as error:
            ended(str(error), {})

    def _tell(
        self, link: str, task: msg.RunTask, duration: float, error: str, blackboard: Any
    ) -> None:
        self._context.links.send(msg.TaskResult(task.task_id, not error, duration, error), link)
        if task.save_history:
            self._context.links.send(
                msg.TaskHistory(
                    input=task.blackboard,
                    output=blackboard,
                    kind='task',
                    created_at=time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime()),
                ),
                link,
            )


def _document(xml: str, name: str) -> str:
    """Tree of the wire, which may be its root node alone."""
    if _WHOLE.match(xml):
        return xml
    return f'<BehaviorTree ID={quoteattr(name)}>{xml}</BehaviorTree>'
