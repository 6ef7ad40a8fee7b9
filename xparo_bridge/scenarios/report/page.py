# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The page of one run, and the list of all: HTML without scripts, all in one file."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from ...local.sim.world import Floor
from ..scenario import Scenario
from ..timeline import Timeline
from ..verdict import FAILED, PASSED, STATES, Verdict
from .drawing import chart, map_drawing, time_line

_STYLE = """
body {font: 15px system-ui, sans-serif; max-width: 1000px; margin: 2em auto; padding: 0 1em;
 color: #0f172a; color-scheme: light dark}
h1 {font-size: 1.4em} h2 {font-size: 1.1em; margin-top: 1.6em}
.state {color: white; border-radius: 4px; padding: 2px 8px; margin-right: .5em}
.s0 {background: #15803d} .s1 {background: #b91c1c} .s2 {background: #b45309}
.s3 {background: #475569}
table {border-collapse: collapse; width: 100%} td, th {text-align: left; padding: 3px 8px;
 border-bottom: 1px solid #e2e8f0; vertical-align: top}
.bad, .bad td {background: #fee2e2; color: #0f172a}
code {font: 13px ui-monospace, monospace} svg {width: 100%; height: auto; display: block}
svg text {font: 11px system-ui, sans-serif; fill: #334155} .bound, .scale {text-anchor: end}
.scale {text-anchor: middle} .path, .line {fill: none; stroke-width: 2}
.obstacle {fill: #f97316; opacity: .5} .failed {stroke: #dc2626; stroke-width: 2}
.why {background: #fee2e2; border-left: 4px solid #b91c1c; padding: .6em 1em;
 color: #0f172a}
@media (prefers-color-scheme: dark) {body {background: #0f172a; color: #e2e8f0}
 a {color: #93c5fd} svg {background: #f8fafc; border-radius: 4px}}
"""


def _page(title: str, body: str) -> str:
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<title>{escape(title)}</title><style>{_STYLE}</style></head><body>{body}</body></html>\n'
    )


def _state(verdict: Verdict) -> str:
    return f'<span class="state s{verdict.state}">{STATES[verdict.state]}</span>'


def write_page(
    folder: Path, scenario: Scenario, verdict: Verdict, world: str, floor: Floor | None
) -> None:
    """Write `report.html` of a run."""
    timeline, robots = verdict.timeline, list(scenario.given.robots)
    parts = [
        f'<h1>{_state(verdict)}{escape(verdict.name)}</h1>',
        f'<p>{escape(scenario.description)}</p>',
        f'<p>World {escape(world)}, seed {verdict.seed}; {verdict.seconds:.1f} s of its time, '
        f'{verdict.wall:.1f} s of real time, {verdict.factor:.1f} times real time.</p>',
    ]
    for problem in verdict.problems:
        parts.append(
            f'<p class="why"><code>{escape(problem.where)}</code> '
            f'<code>{escape(problem.text)}</code><br><b>{escape(problem.said)}</b></p>'
        )
    if verdict.cause:
        parts.append(f'<p class="why">In its way: {escape(verdict.cause)}</p>')
    parts.append(_steps(scenario, verdict))
    if drawn := map_drawing(timeline, robots, floor):
        parts += ['<h2>The way</h2>', drawn]
    if timeline.now > 0.0:
        parts += ['<h2>What happened when</h2>', time_line(timeline, robots)]
        parts += ['<h2>Charts</h2>', *_charts(timeline, robots)]
    parts.append(_files(folder))
    text = _page(f'{verdict.name}: {STATES[verdict.state]}', ''.join(parts))
    (folder / 'report.html').write_text(text, encoding='utf-8', errors='replace')


def _steps(scenario: Scenario, verdict: Verdict) -> str:
    begun = {event.data['number']: event.at for event in verdict.timeline.of('step')}
    rows = []
    for number, step in enumerate(scenario.steps):
        wrong = number == verdict.steps and verdict.state == FAILED and number in begun
        at = f'{begun[number]:.1f} s' if number in begun else ''
        mark = 'failed' if wrong else '' if number in begun else 'not reached'
        rows.append(
            f'<tr{" class=bad" if wrong else ""}><td>{at}</td>'
            f'<td><code>{escape(step.text)}</code></td><td>{mark}</td></tr>'
        )
    said = {problem.where: problem.said for problem in verdict.problems}
    for check in scenario.checks:
        wrong = check.where in said
        judged = verdict.state in (PASSED, FAILED) and verdict.steps == len(scenario.steps)
        mark = escape(said[check.where]) if wrong else 'holds' if judged else 'not judged'
        rows.append(
            f'<tr{" class=bad" if wrong else ""}><td>then</td>'
            f'<td><code>{escape(check.text)}</code></td><td>{mark}</td></tr>'
        )
    return f'<h2>Steps</h2><table>{"".join(rows)}</table>'


def _charts(timeline: Timeline, robots: Sequence[str]) -> list[str]:
    drawn = []
    for key, name in (
        ('speed', 'speed, m/s'),
        ('clearance', 'clearance, m'),
        ('battery', 'battery, 0 to 1'),
    ):
        lines = {
            robot: [
                (event.at, float(event.data[key]))
                for event in timeline.of('truth', robot)
                if key in event.data
            ]
            for robot in robots
        }
        drawn.append(chart(name, lines, timeline.now))
    keys = sorted(
        {
            key
            for event in timeline.received('telemetry')
            for key, value in event.data['data'].items()
            if isinstance(value, (int, float)) and not isinstance(value, bool)
        }
    )
    for key in keys[:12]:
        lines = {
            robot: [
                (event.at, float(event.data['data'][key]))
                for event in timeline.received('telemetry', robot)
                if isinstance(event.data['data'].get(key), (int, float))
            ]
            for robot in robots
        }
        drawn.append(chart(f'telemetry: {key}'[:32], lines, timeline.now))
    return drawn


def _files(folder: Path) -> str:
    files = [
        path.relative_to(folder).as_posix()
        for path in sorted([*folder.glob('logs/*.log'), *folder.glob('*.mcap')])
    ]
    links = ''.join(f'<li><a href="{escape(file)}">{escape(file)}</a></li>' for file in files)
    return f'<h2>Evidence</h2><ul>{links}</ul>'


def write_list(folder: Path, verdicts: Sequence[Verdict], world: str) -> None:
    """Write `report.html` with a line for each run."""
    rows = []
    for verdict in verdicts:
        page = (verdict.folder or folder) / 'report.html'
        name = f'{escape(verdict.name)} (seed {verdict.seed})'
        if page.exists():
            name = f'<a href="{escape(page.relative_to(folder).as_posix())}">{name}</a>'
        rows.append(
            f'<tr><td>{_state(verdict)}</td><td>{name}</td>'
            f'<td>{"" if verdict.state == PASSED else escape(verdict.line)}</td>'
            f'<td>{verdict.wall:.0f} s</td></tr>'
        )
    passed = sum(verdict.state == PASSED for verdict in verdicts)
    body = (
        f'<h1>{passed} of {len(verdicts)} passed in the world {escape(world)}</h1>'
        f'<table>{"".join(rows)}</table>'
    )
    text = _page('Scenarios', body)
    (folder / 'report.html').write_text(text, encoding='utf-8', errors='replace')
