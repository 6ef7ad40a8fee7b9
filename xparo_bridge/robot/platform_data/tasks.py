# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Tasks of a platform: a behaviour tree with what its blackboard starts with, run to its end.

A task says how far it is proven; one that is not as far as `tasks.stages` asks is refused. Trees
that are pushed without a task are checked and kept, for commands to run by name.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, UTC
import time
from typing import Any
from xml.sax.saxutils import quoteattr

from ... import messages as msg
from ...behavior.errors import clip, Problem, TreeErrors
from ...behavior.ros.tree_library import MAX_KEPT
from ...behavior.xml_reader import first_tag
from ..features import Feature, FeatureContext

# One name for all, so that no task's tree stays when the next one comes.
_NAME = 'task'


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
        trees = iter(list(push.trees.items())[:MAX_KEPT])
        if len(push.trees) > MAX_KEPT:
            warn(f'{link}: {len(push.trees)} trees pushed at once: the first {MAX_KEPT} are kept')
        self._keep_next(link, trees)

    def _keep_next(self, link: str, trees: Iterator[tuple[str, str]]) -> None:
        """Have one tree after the other checked and kept, so that nothing waits for them."""

        def ended(name: str, warnings: list[Problem], errors: TreeErrors | None) -> None:
            if errors is not None:
                self._context.node.get_logger().warning(
                    f'{link}: tree {clip(name)!r} not kept: {errors}'
                )
            self._keep_next(link, trees)

        for name, xml in trees:
            try:
                self._context.trees.load(name, _document(xml, name), ended)
            except TreeErrors as error:
                self._context.node.get_logger().warning(
                    f'{link}: tree {clip(name)!r} not kept: {error}'
                )
            else:
                return

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
            self._report(link, task, time.monotonic() - began, error, blackboard)

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

    def _report(
        self, link: str, task: msg.RunTask, duration: float, error: str, blackboard: Any
    ) -> None:
        self._context.links.send(msg.TaskResult(task.task_id, not error, duration, error), link)
        if task.save_history:
            self._context.links.send(
                msg.TaskHistory(
                    # As the platform's own client has it: the history knows no task but by this.
                    input={'task_id': task.task_id, 'blackboard': task.blackboard},
                    output={
                        'success': not error,
                        'blackboard': blackboard,
                        'duration_s': duration,
                    },
                    kind='bt_task',
                    created_at=datetime.now(UTC).replace(tzinfo=None).isoformat(),
                ),
                link,
            )


def _document(xml: str, name: str) -> str:
    """Tree of the wire, which may be its root node alone, as a document."""
    if first_tag(xml) in ('root', 'BehaviorTree', ''):
        return xml
    return f'<BehaviorTree ID={quoteattr(name)}>{xml}</BehaviorTree>'
