# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kind `delete_tree`: forget a behaviour tree that was given to the robot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....behavior.ros.trees import NoSuchTree
from ....messages import ErrorCode
from ..kind import Kind, Schema, settings
from ..run import Rejection, Run


class DeleteTree(Kind[None]):
    """Succeeds when the tree is forgotten; one that runs goes on to its end."""

    settings_schema = settings()

    @classmethod
    def parameters_schema(cls, settings: Mapping[str, Any]) -> Schema:
        return {
            'type': 'object',
            'additionalProperties': False,
            'required': ['tree_name'],
            'properties': {'tree_name': {'type': 'string'}},
        }

    def prepare(self, run: Run[None]) -> Rejection | None:
        name, trees = run.parameters['tree_name'], self.robot.trees
        if trees.is_own(name):
            return Rejection(
                ErrorCode.OWN_TREE, f'{name!r} is a file of the robot; only its owner deletes it'
            )
        if name not in trees.names:
            return Rejection(
                ErrorCode.UNKNOWN_TREE, trees.unknown(name).args[0], {'known': trees.names}
            )
        return None

    def start(self, run: Run[None]) -> None:
        try:
            self.robot.trees.delete(run.parameters['tree_name'])
        except NoSuchTree as error:
            run.reject(Rejection(ErrorCode.UNKNOWN_TREE, error.args[0]))
            return
        run.succeed()
