# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Draw a behaviour tree that runs as text, by what its robot reports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_TOLD = ('RUNNING', 'SUCCESS', 'FAILURE')
_LEAVES = ('Action', 'Condition')


class TreeView:
    """The nodes of one run and what became of each; fed with the data of `behavior_status`."""

    def __init__(self) -> None:
        self.run_id = ''
        self._nodes: dict[int, dict[str, Any]] = {}

    def update(self, data: Mapping[str, Any]) -> Iterator[str]:
        """Take a report; yields the tree when it is new, then a line for each leaf with news."""
        if data.get('structure') and data.get('run_id') != self.run_id:
            self.run_id = data['run_id']
            self._nodes = {node['uid']: dict(node, last='') for node in data['structure']}
            yield from self.lines()
        if data.get('run_id') != self.run_id:
            return
        for change in data.get('nodes', ()):
            node = self._nodes[change['uid']]
            status = change.get('result') or change['status']
            if status not in _TOLD or status == node['last']:
                continue
            node['last'] = status
            if node['kind'] in _LEAVES:
                reason = f' ({change["message"]})' if change.get('message') else ''
                yield f'{node["path"]}: {status}{reason}'

    def lines(self) -> Iterator[str]:
        """The tree, a node a line, each with the last status it had."""
        depths: dict[int | None, int] = {None: -1}
        for uid, node in self._nodes.items():
            depth = depths[uid] = depths[node['parent']] + 1
            name = '' if node['name'] == node['type'] else f' "{node["name"]}"'
            last = f': {node["last"]}' if node['last'] else ''
            yield f'{"    " * depth}{node["type"]}{name}{last}'
