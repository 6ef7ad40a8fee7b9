# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Inputs made to take long or much, for the readers of trees; run as a program it reads them all.

Each is small for what it asks: comments and names that a backtracking pattern would try in 2^n
ways, subtrees that multiply, scripts and names that each place repeats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
import json
import resource
import sys
import time
from typing import Any

from xparo_bridge.behavior import builtin_registry, load, TreeErrors, values

N = 200_000


def whole(body: str, *trees: str) -> str:
    more = ''.join(
        f'<BehaviorTree ID="T{n}">{tree}</BehaviorTree>' for n, tree in enumerate(trees)
    )
    return (
        '<root BTCPP_format="4" main_tree_to_execute="M">'
        f'<BehaviorTree ID="M">{body}</BehaviorTree>{more}</root>'
    )


def sequence(body: str) -> str:
    return f'<Sequence>{body}</Sequence>'


def chain(body: Callable[[str], str], count: int) -> list[str]:
    """Trees of which each puts the next one in place by `body`."""
    return [
        *(body(f'<SubTree ID="T{n + 1}"/>') for n in range(count)),
        '<AlwaysSuccess/>',
    ]


DOCUMENTS: dict[str, str] = {
    'comments before another root': '<!--a-->' * 40 + '<AlwaysSuccess/>',
    'many comments': '<!-- -->' * (N // 8),
    'comments of dashes': '<!--' + '-' * N,
    'declarations': '<?a?>' * (N // 5) + '<x/>',
    'an open comment': '<!--' * (N // 4),
    'an open section': '<![CDATA[' * (N // 9),
    'only openings': '<' * N,
    'openings and spaces': ('<' + ' ' * 100) * (N // 101),
    'spaces before a name': '<' + ' ' * N,
    'spaces in an attribute': '<a b' + ' ' * N,
    'spaces before a value': '<a b=' + ' ' * N,
    'an attribute without end': '<a b="' + 'x' * N,
    'quotes without end': '<a ' + 'b="' * (N // 3),
    'many attributes': '<a ' + ' '.join(f'b{n}="1"' for n in range(N // 9)) + '/>',
    'ampersands': f'<root><BehaviorTree ID="M"><Script code="{"&" * N}"/></BehaviorTree></root>',
    'references': f'<root><BehaviorTree ID="M"><Script code="{"&#" * N}"/></BehaviorTree></root>',
    'a long name': whole(f'<{"N" * N}/>'),
    'a long name of a node': whole(f'<AlwaysSuccess name="{"N" * N}"/>'),
    'a long name near a known one': whole(f'<{"AlwaysSucces" * (N // 12)}/>'),
    'a long tree ID': f'<root><BehaviorTree ID="{"N" * N}"><AlwaysSuccess/></BehaviorTree></root>',
    'many unknown names': whole(sequence(''.join(f'<Alway{n}Sucess/>' for n in range(4500)))),
    'many wrong ports': whole(
        sequence('<AlwaysSuccess ' + ' '.join(f'p{n}="1"' for n in range(250)) + '/>') * 1
    ),
    'deep elements': '<a>' * (N // 3),
    'deep in one tree': whole('<Inverter>' * 5000 + '<AlwaysSuccess/>' + '</Inverter>' * 5000),
    'deep across trees': whole(
        '<SubTree ID="T0"/>',
        *chain(lambda inner: '<Inverter>' * 200 + inner + '</Inverter>' * 200, 6),
    ),
    'a chain of trees': whole('<SubTree ID="T0"/>', *chain(lambda inner: inner, 4000)),
    'trees that double': whole(
        '<SubTree ID="T0"/>', *chain(lambda inner: sequence(inner * 2), 60)
    ),
    'trees that contain each other': whole(
        '<SubTree ID="T0"/>', '<SubTree ID="T1"/>', '<SubTree ID="T0"/>'
    ),
    'a name that multiplies': whole(
        '<SubTree ID="T0" name="' + 'n' * 250 + '"/>',
        *chain(lambda inner: inner.replace('/>', f' name="{"n" * 250}"/>'), 50)[:-1],
        sequence('<AlwaysSuccess/>' * 4500),
    ),
    'a script of statements': whole(f'<Script code="{"a:=1;" * 100_000}"/>'),
    'a script in many places': whole(
        sequence('<SubTree ID="T0"/>' * 1000), f'<Script code="{"a:=1;" * 1000}"/>'
    ),
    'many scripts': whole(
        sequence(''.join(f'<Script code="a:={n};{"b:=1;" * 100}"/>' for n in range(1500)))
    ),
    'a literal in many places': whole(
        sequence('<SubTree ID="T0"/>' * 4000),
        f'<LoopInt queue="{"1;" * 50_000}" value="{{v}}"><AlwaysSuccess/></LoopInt>',
    ),
    'a deep script': whole(f'<Script code="a:={"(" * 9000}1{")" * 9000}"/>'),
    'a script of prefixes': whole(f'<Script code="a:={"-" * 9000}1"/>'),
    'a script of names': whole(f'<Script code="{"a" * 19_000}"/>'),
    'a script of backslashes': whole('<Script code="a:=1;' + '\\' * 19_000 + '"/>'),
    'a script of line breaks': whole('<Script code="a:=1;' + '\\\n' * 9_000 + '\\"/>'),
    'a number without end': whole(f'<Sleep msec="{"9" * N}"/>'),
}

TEXTS = {
    'digits': '9' * N,
    'a fraction': '0.' + '3' * N,
    'an exponent': '1e' + '9' * N,
    'signs': '-' * N,
    'letters': 'nan(' + 'a' * N,
    'spaces': ' ' * N,
}


def readings() -> Iterator[tuple[str, Callable[[], Any]]]:
    """What is read, and how, by a name."""
    registry = builtin_registry()
    for name, text in DOCUMENTS.items():
        yield f'document: {name}', lambda text=text: load(text, registry)
    for name, text in TEXTS.items():
        for parse in (values.parse_integer, values.parse_real, values.parse_bool):
            yield f'{parse.__name__}: {name}', lambda parse=parse, text=text: parse(text)


def main() -> None:
    """Print name, seconds and growth of the memory in MB of each reading, as JSON lines."""
    for name, read in readings():
        print(json.dumps({'begins': name}), flush=True)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        begin = time.process_time()
        try:
            read()
        except (TreeErrors, ValueError) as error:
            outcome = str(error)[:100]
            length = len(str(error))
        else:
            outcome, length = 'read', 0
        print(
            json.dumps(
                {
                    'name': name,
                    'seconds': time.process_time() - begin,
                    'grew': (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024,
                    'outcome': outcome,
                    'length': length,
                }
            ),
            flush=True,
        )


if __name__ == '__main__':
    sys.exit(main())
