# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""How tests ask the doctor about a robot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from xparo_bridge.doctor.finding import Finding, State
from xparo_bridge.doctor.main import diagnose, parse

URL = 'ws://127.0.0.1:9/ws/chatbot'
Diagnose = Callable[..., list[Finding]]


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Diagnose:
    """Give a function that lets the doctor look at a configuration."""
    monkeypatch.setenv('XPARO_SECRET_KEY', 'a-secret-of-tests')
    monkeypatch.setenv('XPARO_PROJECT_ID', 'project')
    for name in ('http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY'):
        monkeypatch.delenv(name, raising=False)

    def look(
        *arguments: str,
        link: dict[str, Any] | None = None,
        ros_args: tuple[str, ...] = (),
        **parts: Any,
    ) -> list[Finding]:
        file = tmp_path / 'robot.yaml'
        configuration = {
            'robot_id': 'r1',
            'state_dir': str(tmp_path / 'state'),
            'links': [{'name': 'platform', 'protocol': 'xparo', 'url': URL, **(link or {})}],
            'telemetry': {'groups': {}},
            'base': {'topic': None, 'odom_topic': None},
            **parts,
        }
        file.write_text(yaml.safe_dump(configuration))
        return list(diagnose(parse([str(file), '--alone', *arguments]), ros_args))

    return look


def named(findings: list[Finding], check: str, *words: str) -> Finding:
    """Return the problem of a check that has these words, and see that it says what to do."""
    for finding in findings:
        if finding.check == check and finding.state is State.PROBLEM:
            line = finding.line()
            assert all(word in line for word in words), line
            assert finding.remedy and '\n' not in line
            return finding
    raise AssertionError('\n'.join(finding.line() for finding in findings))
