# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Read what robots say they run: from files that they report, or from a platform's operator API.

A file is NAME.json, what `config status --format json` prints on the robot; from a platform it is
the section `configuration` of each robot's robot_info.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
import os
from pathlib import Path
import ssl
from typing import Any
from urllib.parse import urlsplit

from ..json_reader import JsonError, read_object
from .subject import UsageError

_MAX_BYTES = 1024 * 1024
_TIMEOUT = 15.0


@dataclass(frozen=True)
class Report:
    """
    What a robot says it runs, and when (Unix s).

    `connected` is whether a platform has it now, None where no platform was asked; `pending` a
    release that waits until the robot stands.
    """

    robot: str
    at: float
    version: int = 0
    hash: str = ''  # noqa: A003
    content: str = ''
    made_from: str = ''
    state: str = ''
    reason: str = ''
    drift: tuple[str, ...] = field(default=())
    pending: str = ''
    connected: bool | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add where reports of robots are."""
    parser.add_argument(
        '--reports',
        metavar='DIR',
        help='a folder of NAME.json, each what config status --format json printed on a robot',
    )
    parser.add_argument(
        '--platform',
        metavar='URL',
        help='ask a platform by its operator API: ws://HOST:PORT or wss://HOST:PORT, with '
        '$XPARO_OPERATOR_TOKEN, or on its own machine $XPARO_SECRET_KEY and $XPARO_PROJECT_ID',
    )


def read_reports(options: argparse.Namespace) -> dict[str, Report] | None:
    """
    Return the newest report of each robot by name; None if the arguments name no source.

    :raises UsageError: if a source cannot be read.
    """
    if not options.reports and not options.platform:
        return None
    found: dict[str, Report] = {}
    if options.reports:
        found = of_folder(Path(options.reports).expanduser())
    if options.platform:
        for name, report in of_platform(options.platform).items():
            known = found.get(name)
            if known is None or report.at >= known.at:
                found[name] = report
    return found


def of_folder(folder: Path) -> dict[str, Report]:
    """
    Read the files of a folder.

    :raises UsageError: for a file that is no report; it names the file.
    """
    if not folder.is_dir():
        raise UsageError(f'{folder}: no folder of reports')
    found = {}
    for file in sorted(folder.glob('*.json')):
        try:
            if file.stat().st_size > _MAX_BYTES:
                raise UsageError(f'{file}: too large for the report of a robot')
            value = read_object(file.read_bytes())
            found[file.stem] = _report(file.stem, value, file.stat().st_mtime)
        except OSError as error:
            raise UsageError(f'{file}: {error.strerror}') from error
        except (JsonError, TypeError, ValueError) as error:
            raise UsageError(
                f'{file}: not what config status --format json prints: {error}'
            ) from error
    return found


def of_platform(url: str) -> dict[str, Report]:
    """
    Ask a platform.

    :raises UsageError: if it does not answer, or does not let us in.
    """
    parts = urlsplit(url)
    if parts.scheme not in ('ws', 'wss') or not parts.hostname:
        raise UsageError(f'--platform {url}: expected ws://HOST:PORT or wss://HOST:PORT')
    try:
        robots = asyncio.run(asyncio.wait_for(_ask(parts), _TIMEOUT))
    except TimeoutError:
        raise UsageError(f'--platform {url}: no answer within {_TIMEOUT:g} s') from None
    except Exception as error:  # OSError, WebSocketException, OperatorError: all are printed.
        raise UsageError(f'--platform {url}: {error}') from error
    found = {}
    for robot in robots:
        name = str(robot['robot_id'])
        info = robot.get('robot_info')
        value = info.get('configuration') if isinstance(info, dict) else None
        try:
            found[name] = _report(
                name,
                value if isinstance(value, dict) else {},
                float(robot.get('seen') or 0.0),
                connected=bool(robot.get('connected')),
            )
        except (TypeError, ValueError) as error:
            found[name] = Report(name, 0.0, reason=f'its robot_info cannot be read: {error}')
    return found


async def _ask(parts: Any) -> list[dict[str, Any]]:
    from ..local.platform_client import OperatorClient

    client = await OperatorClient.connect(
        parts.hostname,
        parts.port or (443 if parts.scheme == 'wss' else 80),
        os.environ.get('XPARO_SECRET_KEY', 'demo'),
        os.environ.get('XPARO_PROJECT_ID', 'demo'),
        token=os.environ.get('XPARO_OPERATOR_TOKEN', ''),
        tls=ssl.create_default_context() if parts.scheme == 'wss' else None,
    )
    async with client:
        return await client.robots()


def _report(
    name: str, value: Mapping[str, Any], at: float, connected: bool | None = None
) -> Report:
    drift = value.get('drift') or []
    if not isinstance(drift, list):
        raise TypeError('expected a list of places as drift')
    claimed = value.get('robot')
    if claimed and claimed != name:
        raise ValueError(f'it is the report of {claimed}')
    reported = value.get('time')
    return Report(
        robot=name,
        at=float(reported) if isinstance(reported, int | float) else at,
        version=int(value.get('version') or 0),
        hash=str(value.get('hash') or ''),
        content=str(value.get('content') or ''),
        made_from=str(value.get('made_from') or ''),
        state=str(value.get('state') or '') if value.get('hash') else '',
        reason=str(value.get('reason') or ''),
        drift=tuple(map(str, drift)),
        pending=str(value.get('pending') or ''),
        connected=connected,
    )
