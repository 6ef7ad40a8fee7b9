# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
`config inventory`: print a fleet's folder as an inventory of Ansible.

Groups are groups. What Ansible has to know of robots (ansible_host …) stands in the section
`x-ansible` of the folder's files, which merges like all of them and does not travel to robots.
"""

from __future__ import annotations

import argparse
import json
import re
from typing import Any

from ..configuration import ConfigurationError
from ..rollout.folder import FleetFolder
from ..variables import Variables
from ..yaml_layers import EMPTY, KeyPath
from .subject import folder_of

SECTION = 'x-ansible'
# Groups that Ansible has, and the playbooks of deploy/ansible.
_TAKEN = ('all', 'ungrouped', 'fleet', 'xparo_rollout')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this verb."""
    parser.add_argument('folder', metavar='FOLDER', help='the folder of the fleet')
    # What Ansible gives to a program that is an inventory.
    parser.add_argument('--list', action='store_true', help='all of it; the default')
    parser.add_argument('--host', metavar='ROBOT', help='the variables of one robot')


def run(options: argparse.Namespace) -> int:
    """Print it; an exit code."""
    found = inventory(folder_of(options.folder))
    if options.host:
        found = found['_meta']['hostvars'].get(options.host, {})
    print(json.dumps(found, indent=2))
    return 0


def inventory(folder: FleetFolder) -> dict[str, Any]:
    """
    Return the inventory: each group with its robots, and the variables of each robot.

    :raises ConfigurationError: for what is wrong with a robot's variables.
    """
    found: dict[str, Any] = {}
    hosts = {}
    problems: list[str] = list(folder.problems)
    for name in folder.names:
        layers, groups = folder.layers(name)
        if layers.problems:
            problems += [str(problem) for problem in layers.problems]
            continue
        wrong: list[tuple[KeyPath, str]] = []

        def complain(path: KeyPath, words: str, wrong: list[tuple[KeyPath, str]] = wrong) -> None:
            wrong.append((path, words))

        variables = variables_of(layers.tree)
        section = layers.tree.get(SECTION)
        values = Variables(variables, name, complain).in_tree(
            {SECTION: {} if section in (None, EMPTY) else section}
        )[SECTION]
        if not isinstance(values, dict):
            wrong.append(((SECTION,), 'expected variables of Ansible by name'))
            values = {}
        problems += [f'{name}: {".".join(map(str, path))}: {words}' for path, words in wrong]
        hosts[name] = {key: None if value is EMPTY else value for key, value in values.items()} | {
            'xparo_robot': name,
            'xparo_site': str(variables.get('site', '')),
        }
        if name == 'localhost':
            problems.append(f'{folder.path}: robot localhost: Ansible takes it for this machine')
        for group in groups:
            if _group(group) in _TAKEN:
                words = 'Ansible, or its playbook, has a group of this name'
                problems.append(f'{folder.path}: group {group}: {words}')
            robots = found.setdefault(_group(group), {'hosts': []})['hosts']
            if name not in robots:
                robots.append(name)
    if problems:
        raise ConfigurationError(list(dict.fromkeys(problems)))
    fleet = {'hosts': folder.names, 'vars': {'xparo_fleet': str(folder.path.absolute())}}
    return {'fleet': fleet, **found, '_meta': {'hostvars': hosts}}


def variables_of(tree: dict[str, Any]) -> dict[str, Any]:
    """Return the `vars` of a merged tree."""
    values = tree.get('vars')
    return values if isinstance(values, dict) else {}


def _group(name: str) -> str:
    """Return the name of a group as Ansible takes it."""
    return re.sub(r'\W', '_', name)
