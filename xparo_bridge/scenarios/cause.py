# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Why an expectation was not met, in one line: what was wrong around it, the nearest thing first.

An expectation says what did not come; whoever reads it wants to know what was in its way.
"""

from __future__ import annotations

from collections.abc import Iterator

from .stage import Stage
from .steps.expect_robot import moves

_CLOSE = 0.15  # m from which on something is in the way


def cause(stage: Stage, robot: str) -> str:
    """Return the likeliest cause; empty if nothing was out of order."""
    return next(_causes(stage, robot or next(iter(stage.links))), '')


def _causes(stage: Stage, robot: str) -> Iterator[str]:
    timeline = stage.timeline
    for event in timeline.of('ended'):
        yield f'{event.data["process"]} ended with exit code {event.data["code"]}'
    open_faults = [
        event
        for event in timeline.of('fault')
        if event.data['seconds'] is None or event.at + event.data['seconds'] > timeline.now - 1.0
    ]
    for fault in reversed(open_faults):
        yield f'"{fault.data["text"]}" since {fault.at:.1f} s'
    if not timeline.connected(robot):
        gone = timeline.last('disconnected', robot)
        since = f' since {gone.at:.1f} s' if gone else ''
        yield f'the robot is not connected{since}'
    truth = timeline.last('truth', robot)
    if truth is not None:
        if truth.data.get('bumped'):
            yield 'the robot touches something'
        if not moves(truth.data):
            stands = timeline.now
            for event in reversed(list(timeline.of('truth', robot))):
                if moves(event.data):
                    break
                stands = event.at
            near = truth.data.get('clearance', 1.0)
            blocked = f', {near:.2f} m from the next thing' if near < _CLOSE else ''
            if timeline.now - stands > 2.0:
                since = f'since {stands:.1f} s' if stands > 0.0 else 'since the beginning'
                yield f'the robot stands {since}{blocked}'
    for event in timeline.of('error', robot):
        yield f'the platform refused a frame: {event.data["problem"]}'
    for line in reversed(stage.bridges[robot].lines if robot in stage.bridges else []):
        if '[ERROR]' in line or '[WARN]' in line:
            yield 'the bridge said: ' + line.partition(']: ')[2][:160]
            return
