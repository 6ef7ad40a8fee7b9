# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Kind `list_trees`: list the behaviour trees the robot knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..kind import Kind, Schema, settings
from ..run import Run


class ListTrees(Kind[None]):
    """
    Succeeds with each tree's name, hash, whether it is the robot's own and whether it runs.

    In the order of their names; if they are too many for an answer, with `trees_in_all`. Those
    that follow are reported `after` the last name that was.
    """

    asks = True

    settings_schema = settings()

    @classmethod
    def parameters_schema(cls, settings: Mapping[str, Any]) -> Schema:
        return {
            'type': 'object',
            'additionalProperties': False,
            'properties': {
                'after': {'type': 'string', 'description': 'only trees whose names come after it'}
            },
        }

    def start(self, run: Run[None]) -> None:
        after = run.parameters.get('after', '')
        run.succeed({'trees': self.robot.trees.listing(after)})
