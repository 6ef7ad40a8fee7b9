# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Say in a line for people what an event of the platform is."""

from __future__ import annotations

import json
import re
import time
from typing import Any

from .platform_client import Event
from .platform_frames import make

# Bytes in base64, such as those of an image; shorter ones may be words.
_BASE64 = re.compile(r'[A-Za-z0-9+/]+={0,2}')
_LEAST_BYTES = 200
# How the base64 of JPEG, PNG, WebP and GIF begins.
_IMAGES = ('/9j/', 'iVBORw0KGgo', 'UklGR', 'R0lGOD')
LONGEST = 88  # characters of a value in one line; a longer one is printed in lines
_PING = make('ping')
_NO_PLATFORM = ('ros', 'tree', 'link_loss')
# What of a command's progress one waits for.
_FIRST = ('distance_remaining', 'estimated_time_remaining', 'round', 'rounds')
_JUST_NOW = 5.0  # s between a status and its arrival, with clocks that differ a little


def is_routine(event: Event) -> bool:
    """Whether an event is telemetry or a heartbeat."""
    return event.get('type') in ('telemetry', 'telemetry_history') or is_heartbeat(event)


def is_heartbeat(event: Event) -> bool:
    """Whether an event only shows that the other side is there."""
    if event.get('type') == 'pong':
        return True
    return event['event'] == 'sent' and event.get('frame') == _PING


def event_line(event: Event) -> str:
    """One event for people."""
    said = {
        key: value
        for key, value in event.items()
        if key not in ('seq', 'time', 'robot', 'event', 'type', 'data')
    }
    if event.get('type') == 'command_status':
        status = event['data']
        parts = [f'{status["command"]} {status["command_id"]} {status["state"]}', _from(event)]
        more: list[str] = []
        for key in ('progress', 'result', 'error'):
            value = status.get(key)
            if key == 'error' and isinstance(value, dict):
                # Its message says it in a sentence; `commands` and --json have the schema.
                value = {name: item for name, item in value.items() if name != 'schema'}
            short = brief(value) if key in status else ''
            if len(short) <= LONGEST:
                parts.append(short)
            else:
                more += nested(value)
        text = '\n'.join([' '.join(filter(None, parts)), *more])
    elif event.get('type') == 'behavior_status':
        text = _tree_line(event['data'])
    elif event.get('type') == 'telemetry_history':
        text = _history_line(event['data'])
    elif event['event'] == 'received':
        text = f'{event["type"]} {brief(event["data"])}'
    else:
        text = f'{event["event"]} {brief(said)}'
    clock = time.strftime('%H:%M:%S', time.localtime(event['time']))
    return f'{clock} {event["robot"]} {text}'


def progress_line(event: Event) -> str:
    """How a command gets on, in a line for a terminal: what is left comes first."""
    status = event['data']
    progress = status.get('progress') or {}
    first = {key: progress[key] for key in _FIRST if key in progress}
    clock = time.strftime('%H:%M:%S', time.localtime(event['time']))
    return f'{clock} {status["command"]} {status["state"]} {brief({**first, **progress})}'.rstrip()


def _from(event: Event) -> str:
    """Who ordered it, if it was no platform, and when it was, if that was not just now."""
    status = event['data']
    source, at = status.get('source'), status.get('time')
    said = [f'by {source}'] if source in _NO_PLATFORM else []
    if isinstance(at, (int, float)) and event['time'] - at > _JUST_NOW:
        said.append(time.strftime('at %H:%M:%S', time.localtime(at)))
    return ', '.join(said)


def _tree_line(status: dict[str, Any]) -> str:
    """How a tree stands: its state, how many nodes run, and what is wrong with it."""
    parts = [f'tree {status["tree_name"]} {status["state"]}']
    if status.get('structure'):
        parts.append(f'({len(status["structure"])} nodes)')
    errors = [_problem(error) for error in status.get('errors', ()) if isinstance(error, dict)]
    if len(errors) == 1:
        return f'{" ".join(parts)}: {errors[0]}'
    return '\n'.join([' '.join(parts), *(f'    {error}' for error in errors)])


def _problem(error: dict[str, Any]) -> str:
    """What is wrong with a tree, where, and what would help."""
    where = error.get('path') or (f'line {error["line"]}' if error.get('line') else '')
    said = ': '.join(filter(None, (where, error.get('message', ''))))
    return f'{said} ({error["hint"]})' if error.get('hint') else said


def _history_line(data: dict[str, Any]) -> str:
    """How much telemetry of an outage came, and of which time; --json has all of it."""
    times = [
        sample['time']
        for sample in data.get('samples', ())
        if isinstance(sample, dict) and isinstance(sample.get('time'), (int, float))
    ]
    of = ' to '.join(
        time.strftime('%H:%M:%S', time.localtime(at))
        for at in ((min(times), max(times)) if times else ())
    )
    return f'telemetry_history {len(times)} samples of an outage{of and ", "}{of}'


def nested(value: Any, indent: str = '    ') -> list[str]:
    """Return a value in lines as YAML has it: one a member, what is within it under it."""
    if isinstance(value, dict) and value:
        lines = []
        for key, item in value.items():
            said = brief(item, True)
            if isinstance(item, (dict, list)) and len(said) > LONGEST - len(indent):
                lines += [f'{indent}{key}:', *nested(item, indent + '  ')]
            else:
                lines.append(f'{indent}{key}: {said}')
        return lines
    if isinstance(value, list) and value:
        lines = []
        for item in value:
            said = brief(item, True)
            if isinstance(item, (dict, list)) and len(said) > LONGEST - len(indent):
                first, *rest = nested(item, indent + '  ')
                lines += [f'{indent}- {first.lstrip()}', *rest]
            else:
                lines.append(f'{indent}- {said}')
        return lines
    return [f'{indent}{brief(value)}']


def brief(value: Any, inside: bool = False) -> str:
    """A value in a line; what is within another stands in brackets."""
    if isinstance(value, dict):
        items = ' '.join(f'{key}={brief(item, True)}' for key, item in value.items())
        return f'{{{items}}}' if inside else items
    if isinstance(value, list) and inside:
        return f'[{", ".join(brief(item, True) for item in value)}]'
    if isinstance(value, float):
        if 1e4 <= abs(value) < 1e15:  # A stamp in s needs more than four digits.
            return f'{value:.3f}'.rstrip('0').rstrip('.')
        return f'{value:.4g}'
    if isinstance(value, str):
        if len(value) > _LEAST_BYTES and _BASE64.fullmatch(value):
            return f'({_what(value)}, {_size(len(value) * 3 // 4)})'
        return value if value and (not inside or ' ' not in value) else json.dumps(value)
    return json.dumps(value)


def _what(base64: str) -> str:
    return 'image' if base64.startswith(_IMAGES) else 'bytes'


def _size(count: int) -> str:
    return f'{count} B' if count < 1000 else f'{count / 1000:.0f} kB'
