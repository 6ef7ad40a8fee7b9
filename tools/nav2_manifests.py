#!/usr/bin/env python3
# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Makes config/nav2/RELEASE.json, the node types of a release of Nav2, from a checkout of it.

    tools/nav2_manifests.py [--check] RELEASE=CHECKOUT[@COMMIT] ...

Node types and their kinds are those of `nav2_tree_nodes.xml`; ports are those of that file and of
`providedPorts` in the C++ headers, which has types, and ports that the file lacks. Where the two
differ it is said, and the headers count. With `--check` nothing is written, and the exit code is 1
if a file is not what would be.
"""

from __future__ import annotations

from collections.abc import Iterator
import json
from pathlib import Path
import re
import subprocess
import sys
from typing import Any
from xml.etree import ElementTree

FOLDER = Path(__file__).resolve().parents[1] / 'config' / 'nav2'
KINDS = ('Action', 'Condition', 'Control', 'Decorator')
DIRECTIONS = {
    'input_port': 'input',
    'output_port': 'output',
    'inout_port': 'bidirectional',
    'bidirectional_port': 'bidirectional',
    'Input': 'input',
    'Output': 'output',
    'Bidirectional': 'bidirectional',
}
REGISTERED = re.compile(r'register(?:NodeType|Builder)<\s*([\w:]+)\s*>\s*\(\s*"(\w+)"')
CLASS = re.compile(r'\bclass\s+(\w+)\s*(?:final\s*)?:\s*public\s+([\w:]+)')
PORT = re.compile(r'\bBT::(Input|Output|Bidirectional)Port<')

Ports = dict[str, dict[str, str]]


def read_model(checkout: Path) -> dict[str, dict[str, Any]]:
    """The node types of the model file."""
    nodes: dict[str, dict[str, Any]] = {}
    root = ElementTree.parse(checkout / 'nav2_behavior_tree' / 'nav2_tree_nodes.xml').getroot()
    for element in root.iter():
        if element.tag in KINDS and element.get('ID'):
            ports: Ports = {}
            for port in element:
                name = port.get('name')
                if port.tag in DIRECTIONS and name:
                    ports[name] = port_of(
                        DIRECTIONS[port.tag], port.get('type', ''), port.get('default', '')
                    )
            nodes[element.attrib['ID']] = {'kind': element.tag, 'ports': ports}
    return nodes


def port_of(direction: str, kind: str, default: str) -> dict[str, str]:
    """A port as the file has it."""
    port = {'direction': direction, 'type': plain_type(kind)}
    default = default.strip().strip('"')
    if default == 'std::numeric_limits<double>::infinity()':
        default = 'inf'
    # What is written in C++ stands for no text that a tree could have.
    if default and not re.search(r'::|[(){}]', default):
        port['default'] = default
    return port


def plain_type(kind: str) -> str:
    """The name of a C++ type without spaces and std:: where it is a text or a number."""
    kind = re.sub(r'\s+', ' ', kind.strip())
    return {
        'std::string': 'string',
        'uint16_t': 'uint16',
        'ActionResult::_error_code_type': ('uint16'),
    }.get(kind, kind)


def arguments(text: str, start: int, opening: str, closing: str) -> tuple[str, int]:
    """What stands between two brackets, of which the first was just passed, and where it ends."""
    depth, position = 1, start
    while depth:
        if text[position] == opening:
            depth += 1
        elif text[position] == closing:
            depth -= 1
        position += 1
    return text[start : position - 1], position


def split_arguments(text: str) -> list[str]:
    """The arguments of a call; texts that follow each other are one."""
    found, depth, quoted, current = [], 0, False, ''
    for character in text:
        if character == '"':
            quoted = not quoted
        elif not quoted:
            depth += (character in '({[<') - (character in ')}]>')
            if character == ',' and not depth:
                found.append(current.strip())
                current = ''
                continue
        current += character
    return [*found, current.strip()]


def read_ports(body: str, kinds: dict[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """The ports that a piece of a header provides."""
    for match in PORT.finditer(body):
        kind, end = arguments(body, match.end(), '<', '>')
        call, _ = arguments(body, body.index('(', end) + 1, '(', ')')
        name, *rest = split_arguments(call)
        default = rest[0] if len(rest) > 1 else ''
        yield (
            name.strip('"'),
            port_of(DIRECTIONS[match.group(1)], kinds.get(kind.strip(), kind), default),
        )


def read_headers(checkout: Path) -> dict[str, Ports]:
    """The ports of each node type, by `providedPorts` of its class."""
    sources = [
        path.read_text(errors='replace')
        for path in sorted(checkout.rglob('*.[ch]pp'))
        if 'test' not in path.parts
    ]
    names = {
        cls.rpartition('::')[2]: name
        for source in sources
        for cls, name in REGISTERED.findall(source)
    }
    bodies: dict[str, str] = {}
    parents: dict[str, str] = {}
    for source in sources:
        source = re.sub(r'//[^\n]*|/\*.*?\*/', '', source, flags=re.DOTALL)
        starts = [(match.start(), *match.groups()) for match in CLASS.finditer(source)]
        ends = [start for start, _, _ in starts[1:]] + [len(source)]
        for (start, cls, parent), end in zip(starts, ends, strict=False):
            body = source[start:end]
            place = re.search(r'\bprovided(?:Basic)?Ports\s*\([^)]*\)\s*\{', body)
            parents[cls] = parent.rpartition('::')[2]
            if place is not None:
                bodies[cls] = arguments(body, place.end(), '{', '}')[0]
    found: dict[str, Ports] = {}
    for cls, name in names.items():
        ports: Ports = {}
        at = cls
        while at not in bodies and at in parents:
            at = parents[at]
        if at in bodies:
            if 'providedBasicPorts' in bodies[at] and parents.get(at) in bodies:
                ports.update(read_ports(bodies[parents[at]], {}))
            ports.update(read_ports(bodies[at], {}))
            found[name] = ports
    return found


def manifest(release: str, checkout: Path, commit: str) -> tuple[dict[str, Any], list[str]]:
    """The file of a release, and where its model and headers differ."""
    nodes, headers, notes = read_model(checkout), read_headers(checkout), []
    for name, node in nodes.items():
        ports, provided = node['ports'], headers.get(name)
        if provided is None:
            notes.append(f'{release}: {name}: no class provides its ports')
            continue
        for port, found in provided.items():
            if port not in ports:
                notes.append(f'{release}: {name}: the model lacks [{port}]')
            elif ports[port]['direction'] != found['direction']:
                notes.append(f'{release}: {name}: [{port}] is an {found["direction"]}')
        for port in ports.keys() - provided.keys():
            notes.append(f'{release}: {name}: the headers lack [{port}]')
        node['ports'] = {**ports, **provided}
    for name in headers.keys() - nodes.keys():
        notes.append(f'{release}: the model lacks {name}')
    data = {
        'release': release,
        'commit': commit,
        'nodes': {
            name: {
                'kind': node['kind'],
                'ports': dict(sorted(node['ports'].items())),
            }
            for name, node in sorted(nodes.items())
        },
    }
    return data, sorted(notes)


def main(argv: list[str]) -> int:
    """Make or check the files of the releases named."""
    check = '--check' in argv
    code = 0
    for word in argv:
        if word == '--check':
            continue
        release, _, place = word.partition('=')
        folder, _, commit = place.partition('@')
        checkout = Path(folder)
        if not commit:
            commit = subprocess.run(
                ['git', '-C', checkout, 'rev-parse', '--short=12', 'HEAD'],
                capture_output=True,
                check=True,
                text=True,
            ).stdout.strip()
        data, notes = manifest(release, checkout, commit)
        print(*notes, sep='\n')
        text = json.dumps(data, indent=1, ensure_ascii=False) + '\n'
        file = FOLDER / f'{release}.json'
        if not check:
            FOLDER.mkdir(exist_ok=True)
            file.write_text(text)
        elif not file.exists() or file.read_text() != text:
            print(f'{file} is not what {place} makes', file=sys.stderr)
            code = 1
    return code


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
