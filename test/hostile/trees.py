# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Trees that cost more than they weigh, and XML that is hardly any."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

_LEAVES = (
    '<AlwaysSuccess/>', '<AlwaysFailure/>', '<Sleep msec="50"/>', '<Script code="a:=1"/>',
    '<Wait wait_duration="0.2"/>', '<Say message="hello"/>', '<Script code="b:=a+1; c:=b*2"/>',
    '<RemoteCommand command="status"/>', '<SendTelemetry x="1"/>', '<Spin spin_dist="0.2"/>',
    '<NavigateToPose goal="{goal}"/>', '<ComputePathToPose goal="1;2"/>', '<Nothing/>',
    '<GetCurrentPose current_pose="{p}"/>', '<SetBlackboard value="1" output_key="k"/>',
)  # fmt: skip
_CONTROLS = (
    'Sequence', 'Fallback', 'Parallel', 'ReactiveSequence', 'ReactiveFallback', 'PipelineSequence',
    'RecoveryNode', 'RoundRobin', 'SequenceWithMemory', 'IfThenElse', 'WhileDoElse',
)  # fmt: skip
_DECORATORS = (
    'Inverter', 'ForceSuccess', 'ForceFailure', 'KeepRunningUntilFailure',
    'Repeat num_cycles="-1"', 'RetryUntilSuccessful num_attempts="-1"', 'Timeout msec="100"',
    'Delay delay_msec="10"', 'RateController hz="10"', 'RunOnce', 'LoopDouble queue="1;2;3"',
)  # fmt: skip


def root(body: str, *more: str, name: str = 't') -> str:
    """Return a document whose main tree has this body."""
    trees = f'<BehaviorTree ID="{name}">{body}</BehaviorTree>' + ''.join(more)
    return f'<root BTCPP_format="4" main_tree_to_execute="{name}">{trees}</root>'


def _nested(random: Random) -> str:
    depth = random.choice((5, 100, 255, 400, 3_000))
    kind = random.choice(_DECORATORS)
    return root(f'<{kind}>' * depth + '<AlwaysSuccess/>' + f'</{kind.split()[0]}>' * depth)


def _chain(random: Random) -> str:
    """Trees that are each within the bounds, one below the other."""
    count, depth = random.choice((6, 40)), random.choice((50, 200))
    parts = [
        f'<BehaviorTree ID="t{n}">{"<Inverter>" * depth}<SubTree ID="t{n + 1}"/>'
        f'{"</Inverter>" * depth}</BehaviorTree>'
        for n in range(count)
    ]
    end = f'<BehaviorTree ID="t{count}"><AlwaysSuccess/></BehaviorTree>'
    return root('<SubTree ID="t0"/>', *parts, end)


def _many_subtrees(random: Random) -> str:
    count = random.choice((30, 300, 1_000))
    script = ';'.join(['a:=1'] * random.choice((1, count)))
    shared = f'<BehaviorTree ID="s"><Script code="{script}"/></BehaviorTree>'
    return root(f'<Sequence>{"<SubTree ID=&quot;s&quot;/>" * count}</Sequence>', shared).replace(
        '&quot;', '"'
    )


def _doubling(random: Random) -> str:
    """Each tree has the next one twice: 2 to the power of the count."""
    count = random.choice((8, 20, 60))
    parts = [
        f'<BehaviorTree ID="d{n}"><Sequence><SubTree ID="d{n + 1}"/><SubTree ID="d{n + 1}"/>'
        '</Sequence></BehaviorTree>'
        for n in range(count)
    ]
    end = f'<BehaviorTree ID="d{count}"><AlwaysSuccess/></BehaviorTree>'
    return root('<SubTree ID="d0"/>', *parts, end)


def _itself(random: Random) -> str:
    return root('<SubTree ID="t"/>')


def _busy(random: Random) -> str:
    count = random.choice((100, 1_000, 3_000))
    leaf = random.choice(
        (
            '<Script code="a:=1"/>',
            '<RetryUntilSuccessful num_attempts="-1"><AlwaysFailure/></RetryUntilSuccessful>',
        )
    )
    inside = random.choice(('Sequence', 'Parallel', 'ReactiveSequence'))
    return root(f'<Repeat num_cycles="-1"><{inside}>{leaf * count}</{inside}></Repeat>')


def _script(random: Random) -> str:
    code = random.choice(
        (
            ';'.join(['a:=1'] * random.choice((1_000, 100_000))),
            '+'.join(['1'] * random.choice((100, 20_000))),
            '(' * 5_000 + '1' + ')' * 5_000,
            'a:=' + '!' * 5_000 + 'true',
            'a:=' + '-' * 5_000 + '1',
            "a:='" + 'x' * 200_000 + "'",
            'a:=1/0',
            'a:=2**2',
            'a:=1' + '?1:1' * 3_000,
            '9' * 5_000,
            'a' * 60_000 + ':=1',
            'a:=1' + ' ' * 100_000 + ';',
        )
    )
    return root(f'<Script code="{code}"/>')


def _names(random: Random) -> str:
    name = 'n' * random.choice((300, 3_000))
    depth = random.choice((10, 60))
    return root(f'<Sequence name="{name}">' * depth + '<AlwaysSuccess/>' + '</Sequence>' * depth)


def _comments(random: Random) -> str:
    comment = random.choice(('<!-- -->', '<!--a-->', '<!-- ---- -->', '<?a b?>', '<![CDATA[x]]>'))
    tail = random.choice(('<AlwaysSuccess/>', '', '<root/>'))
    return comment * random.choice((1, 40, 5_000)) + tail


def _entities(random: Random) -> str:
    return '<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>' + root(
        '<Script code="&b;"/>'
    )


def _attributes(random: Random) -> str:
    many = ' '.join(f'k{n}="{n}"' for n in range(random.choice((100, 5_000))))
    return root(f'<RemoteCommand command="status" {many}/>')


def _sensible(random: Random) -> str:
    def node(depth: int) -> str:
        if depth > 3 or random.random() < 0.3:
            return random.choice(_LEAVES)
        if random.random() < 0.4:
            kind = random.choice(_DECORATORS)
            return f'<{kind}>{node(depth + 1)}</{kind.split()[0]}>'
        kind = random.choice(_CONTROLS)
        children = ''.join(node(depth + 1) for _ in range(random.randrange(1, 4)))
        return f'<{kind}>{children}</{kind}>'

    return root(node(0))


def _cut(random: Random) -> str:
    text = tree(random)
    at = random.randrange(len(text) + 1)
    return text[:at] + random.choice(('', '\x00', '\ud800', '<', '>', '"', '&')) + text[at + 1 :]


_MAKERS: tuple[Callable[[Random], str], ...] = (
    _nested, _chain, _many_subtrees, _doubling, _itself, _busy, _script, _names, _comments,
    _entities, _attributes, _sensible, _sensible, _sensible, _cut,
)  # fmt: skip


def tree(random: Random) -> str:
    """Return the text of some tree."""
    return random.choice(_MAKERS)(random)
