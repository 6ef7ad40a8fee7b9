# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""How a run of a behaviour tree went, of its reports; any moment of it can be seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

GOING = frozenset({'running', 'paused', 'stopping'})
_MOST_REPORTS = 20_000


@dataclass
class TreeRun:
    """
    One run.

    `reports` are (Unix s, status by uid, entries of the blackboard) of what changed, in their
    order; an entry that is gone is None.
    """

    run_id: str
    name: str
    state: str = ''
    began: float = 0.0
    nodes: list[dict[str, Any]] = field(default_factory=list)
    reports: list[tuple[float, dict[int, str], dict[str, Any]]] = field(default_factory=list)
    messages: dict[int, str] = field(default_factory=dict)
    errors: list[dict[str, Any]] = field(default_factory=list)
    _now: dict[int, str] = field(default_factory=dict)  # status of each node after all of them

    def on_status(self, data: Mapping[str, Any], moment: float) -> None:
        """Take a report, the data of a `behavior_status`."""
        self.state = str(data.get('state', ''))
        self.errors = list(data.get('errors') or self.errors)
        changes: dict[int, str] = {}
        structure = data.get('structure') or []
        if structure:
            if not self.nodes:
                self.began = moment
            self.nodes = [dict(node) for node in structure]
        for node in [*(self.nodes if structure else ()), *(data.get('nodes') or ())]:
            status = str(node.get('status', 'IDLE'))
            if status == 'IDLE':
                # What it came to is worth more to an eye than that it rests again.
                before = self._now.get(node['uid'], 'IDLE')
                status = str(node.get('result') or ('IDLE' if before == 'RUNNING' else before))
            changes[node['uid']] = status
            if node.get('message'):
                self.messages[node['uid']] = str(node['message'])
        self._now.update(changes)
        entries = dict(data.get('blackboard') or {})
        if (changes or entries) and len(self.reports) < _MOST_REPORTS:
            self.reports.append((moment, changes, entries))

    def at(self, count: int | None = None) -> dict[int, str]:
        """Status of each node after so many reports, of all by default."""
        statuses: dict[int, str] = {}
        for _, changes, _ in self.reports[:count]:
            statuses.update(changes)
        return statuses

    def blackboard(self, count: int | None = None) -> dict[str, Any]:
        """Entries of the blackboard after so many reports, of all by default, by their names."""
        entries: dict[str, Any] = {}
        for _, _, changes in self.reports[:count]:
            entries.update(changes)
        return {name: entries[name] for name in sorted(entries) if entries[name] is not None}

    @property
    def active(self) -> list[str]:
        """Names of the leaves that run now."""
        statuses = self.at()
        return [
            str(node.get('name'))
            for node in self.nodes
            if statuses.get(node['uid']) == 'RUNNING'
            and node.get('kind') in ('Action', 'Condition')
        ]


class TreeRuns:
    """The runs of one robot, the newest at the end."""

    def __init__(self) -> None:
        self.runs: dict[str, TreeRun] = {}
        self.rejected: dict[str, dict[str, Any]] = {}  # the last refusal of a tree, by its name

    @property
    def newest(self) -> TreeRun | None:
        """The run that began last, if there is one."""
        return next(reversed(self.runs.values()), None)

    def on_status(self, data: Mapping[str, Any], moment: float) -> TreeRun | None:
        """Take a report; the run it is of, None for the refusal of a tree."""
        name, run_id = str(data.get('tree_name')), data.get('run_id')
        if data.get('state') == 'rejected' or not run_id:
            self.rejected[name] = dict(data)
            return None
        self.rejected.pop(name, None)
        run = self.runs.setdefault(str(run_id), TreeRun(str(run_id), name, began=moment))
        run.on_status(data, moment)
        return run


def end_words(data: Mapping[str, Any]) -> tuple[str, bool]:
    """
    Return what to say of a report that is of no run, and whether that is good.

    A robot of an API of keys says no more of a tree than how it ended.
    """
    state = str(data.get('state'))
    said = {'succeeded': 'The tree has succeeded.', 'failed': 'The tree has failed.'}
    return said.get(state, 'The robot refuses this tree.'), state == 'succeeded'


def last_good(
    pushed: Iterable[Mapping[str, Any]], reports: Iterable[Mapping[str, Any]], name: str
) -> str:
    """
    Return the newest XML of a tree that its robot took, but for the newest of all.

    Both are records of the platform's history by time. Empty if there is none.
    """
    mine = [record for record in pushed if record['name'] == name]
    said = [record for record in reports if record['data'].get('tree_name') == name]
    good = ''
    for index, record in enumerate(mine[:-1]):
        end = mine[index + 1]['time']
        answers = [
            report['data']['state'] for report in said if record['time'] <= report['time'] < end
        ]
        if (
            answers
            and answers[0] != 'rejected'
            and record['data']['xml'] != mine[-1]['data']['xml']
        ):
            good = record['data']['xml']
    return good
