# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Values that break readers, and JSON text that holds what no JSON writer would write."""

from __future__ import annotations

import json
from random import Random
from typing import Any

# Names of the world that a guesser would know.
NAMES = (
    'stop', 'pause', 'resume', 'cancel', 'status', 'start_navigation', 'teleop', 'run_tree',
    'list_commands', 'save_place', 'table_4', 'k', 't', 'all', 'r1', 'map', 'base_link', 'id-1',
)  # fmt: skip
TEXTS = (
    '', ' ', '\x00', '\n', 'a' * 300, 'é' * 300, '../../etc/passwd', '/', '~', '${HOME}', '%s%n',
    '{}', '[]', 'null', 'true', '0', '1e3', '-1', '2026-02-30', '2026-11-26T10:00:00Z', '25:61',
    '\u202e', '\ufeff', '\U0001f600' * 50, "'; drop table t; --", '<a/>', '@@x', '{x}', '$x', '*',
    'a' * 60_000, '[' * 5_000, '{"a":' * 5_000, '\\u0000', 'NaN', 'a.b', 'a/b', '/a b', '0a',
)  # fmt: skip
NUMBERS = (
    0, -0.0, 1, -1, 0.5, 1e-320, 1e300, -1e300, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 2**64,
    10**30, 10**400, 1_790_000_000, 1_790_000_000_000, 0.1 + 0.2,
)  # fmt: skip


# Characters that a list is made of by repeating it; no link takes a frame that is much longer.
_LARGEST = 1_500_000


class Raw(str):
    """Text that stands in JSON as it is."""


RAW = tuple(
    map(
        Raw,
        (
            'NaN', 'Infinity', '-Infinity', '1e999', '-1e999', '"\\ud800"', '"\\udc00x"',
            '9' * 5_000, '1' + '0' * 400, '0.' + '1' * 5_000, '{"a":1,"a":{"b":2}}',
            '[' * 2_000 + ']' * 2_000, '{"a":' * 500 + '1' + '}' * 500, '"\\u0000"', '01', "'a'",
            '"a', '', '/*c*/1', '[1,]', '"\t"',
        ),
    )
)  # fmt: skip


def value(random: Random, depth: int = 0) -> Any:
    """Return a value of any kind and size, most often a small one."""
    choice = random.random()
    if choice < 0.2:
        return random.choice(NUMBERS)
    if choice < 0.4:
        return random.choice(TEXTS)
    if choice < 0.5:
        return random.choice(NAMES)
    if choice < 0.6:
        return random.choice((None, True, False, [], {}))
    if choice < 0.7:
        return random.choice(RAW)
    if choice < 0.75:
        return [random.choice((0, 'a', [], {}, 1e300))] * random.choice((100, 5_000, 40_000))
    if choice < 0.78:
        return {f'k{number}': number for number in range(random.choice((50, 5_000)))}
    if depth > 3:
        return 0
    if choice < 0.9:
        return [value(random, depth + 1) for _ in range(random.randrange(4))]
    return {random.choice(NAMES): value(random, depth + 1) for _ in range(random.randrange(4))}


def dumps(thing: Any) -> str:
    """Return JSON text, with raw text as it is; keys may repeat by being raw."""
    if isinstance(thing, Raw):
        return str(thing)
    if isinstance(thing, dict):
        return '{' + ','.join(f'{json.dumps(k)}:{dumps(v)}' for k, v in thing.items()) + '}'
    if isinstance(thing, (list, tuple)):
        if thing and all(part is thing[0] for part in thing):
            return '[' + ','.join([dumps(thing[0])] * len(thing)) + ']'
        return '[' + ','.join(map(dumps, thing)) + ']'
    return json.dumps(thing)


def mutated(random: Random, body: dict[str, Any]) -> dict[str, Any]:
    """Return an object with a few things put in wrong, left out or repeated, anywhere in it."""
    body = json.loads(json.dumps(body))
    for _ in range(random.randrange(1, 4)):
        place: Any = body
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = random.choice(keys)
            if isinstance(place[key], (dict, list)) and place[key] and random.random() < 0.7:
                place = place[key]
                continue
            what = random.random()
            if what < 0.7:
                place[key] = value(random)
            elif what < 0.8 and isinstance(place, dict):
                del place[key]
            elif what < 0.9 and isinstance(place, dict):
                place[random.choice(NAMES)] = value(random)
            elif isinstance(place, list):
                times = random.choice((2, 50, 2_000))
                place *= min(times, _LARGEST // max(len(json.dumps(place)), 1))
            break
    return body
