# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Driving by hand: held, by one person, and only while what one sees and says is fresh.

The browser repeats what is held ten times a second (teleop.js). Nothing here repeats it: when the
browser, the console or the way to the robot fails, commands end to come, and the robot's dead
man's switch stops it.
"""

from __future__ import annotations

from collections.abc import Mapping
import time
from typing import Any

from nicegui import ui
from nicegui.element import Element
from nicegui.events import GenericEventArguments

from ..local.platform_client import OperatorError
from . import words
from .layout import attempt, Button, question, say
from .robot_view import RobotView
from .sessions import Session

# Older than this the place of the robot, and the picture while it is looked at, is no sight of it.
OLDEST_SIGHT = 3.0  # s
OLDEST_ANSWER = 1.0  # s, for which a command may be unanswered
RENEW = 5.0  # s between two renewals of a lease that is not driven with
_DEFAULT_SPEED = (0.3, 0.8)  # m/s, rad/s


class Pad(Element, component='teleop.js'):
    """The stick: emits `drive` {linear, angular} of -1 to 1 while held, then `release`."""


def draw(session: Session, view: RobotView) -> None:
    """Draw the panel, where the robot can be driven by hand."""
    place = ui.element('section').classes('xc-panel').props('aria-label="Drive by hand"')
    with place:
        with ui.element('h2').classes('xc-h2'):
            ui.label('Drive by hand')
        Teleop(session, view)


class Teleop:
    """One page's stick, and the lease behind it."""

    def __init__(self, session: Session, view: RobotView) -> None:
        self._session = session
        self._feed = session.feed
        self._view = view
        self._mine = False
        self._renew_at = 0.0
        self._driving = False
        self._unanswered: dict[str, float] = {}
        self._draw()

    def _draw(self) -> None:
        self._who = ui.label().props('role=status')
        with ui.element('div').classes('xc-row'):
            self._begin = Button('Take the stick', on_click=self._on_begin).classes('xc-do')
            self._end = Button('Give it back', on_click=self._on_end).classes('xc-plain')
            self._over = Button('Take over…', on_click=self._ask_why).classes('xc-danger')
        self._body = ui.element('div').classes('xc-stack')
        with self._body:
            self._locked = ui.label().props('role=alert')
            self._pad = Pad()
            self._pad.on('drive', self._on_drive)
            self._pad.on('release', self._on_release)
            ui.label(
                'Hold to drive: the stick, arrow keys or W A S D while the stick has the focus, '
                'or a gamepad. Letting go stops.'
            ).classes('xc-soft')
            with ui.element('div').classes('xc-row'):
                self._speed = ui.number(
                    'm/s at most', value=_DEFAULT_SPEED[0], min=0.05, max=2.0, step=0.05
                ).props('outlined dense')
                self._turn = ui.number(
                    'rad/s at most', value=_DEFAULT_SPEED[1], min=0.1, max=3.0, step=0.1
                ).props('outlined dense')
            self._ages = ui.label().classes('xc-soft')
        self._look()
        ui.timer(0.2, self._look)
        ui.context.client.on_disconnect(self._on_gone)

    @property
    def _command(self) -> str:
        """The command that drives, empty if there is none."""
        for name, what in self._view.menu.items():
            if what.get('kind') == 'teleop':
                return name
        return ''

    # --- the lease ---

    async def _on_begin(self) -> None:
        await self._take()

    async def _take(self, **how: Any) -> None:
        robot = self._view.robot_id
        if await attempt(lambda: self._feed.request('lease', robot=robot, **how)):
            self._mine = True
            self._unanswered.clear()
            self._renew_at = time.monotonic() + RENEW
            self._look()

    async def _on_end(self) -> None:
        self._mine = False
        await self._stand()
        await attempt(lambda: self._feed.request('release', robot=self._view.robot_id))
        self._look()

    async def _on_gone(self) -> None:
        if self._mine:
            self._mine = False
            try:
                await self._feed.request('release', robot=self._view.robot_id)
            except OperatorError:
                pass  # With the connection the lease is gone too.

    def _ask_why(self) -> None:
        with question('Take over driving?') as dialog:
            ui.label(self._holder_words()).classes('xc-soft')
            reason = ui.input('Reason, which they see').props('outlined dense autofocus')

            async def take() -> None:
                if not str(reason.value or '').strip():
                    say('Give a reason first.', bad=True)
                    return
                dialog.close()
                await self._take(take_over=True, reason=str(reason.value).strip())

            with ui.row():
                Button('No', on_click=dialog.close).classes('xc-plain')
                Button('Take over', on_click=take).classes('xc-danger')

    def _holder_words(self) -> str:
        lease = self._view.lease
        if not lease:
            return 'Nobody drives.'
        since = words.clock(float(lease['since']), self._session.zone)
        reason = f' ({lease["reason"]})' if lease.get('reason') else ''
        return f'{lease["holder"]} drives since {since}{reason}.'

    # --- what is shown ---

    def _look(self) -> None:
        view, lease = self._view, self._view.lease
        may = self._feed.may_command and bool(self._command) and view.connected
        if self._mine and lease and lease['holder'] != self._feed.person:
            self._mine = False
            say(f'{lease["holder"]} took over: {lease.get("reason") or "no reason"}', bad=True)
        if self._mine and time.monotonic() > self._renew_at:
            self._renew_at = time.monotonic() + RENEW
            if not lease:  # It ran out, or the platform was started again.
                self._mine = False
            else:
                ui.timer(0.0, self._renew, once=True)
        self._who.text = 'You drive.' if self._mine else self._holder_words()
        if not self._command:
            self._who.text = 'This robot has no command of kind teleop (docs/commands.md).'
        self._begin.set_visibility(may and not self._mine and not lease)
        self._over.set_visibility(may and not self._mine and bool(lease))
        self._end.set_visibility(self._mine)
        self._body.set_visibility(self._mine)
        if not self._mine:
            return
        problem = self._problem()
        self._locked.text = f'Locked: {problem}' if problem else ''
        self._locked.classes(replace='xc-chip xc-bad' if problem else 'xc-hidden')
        self._locked.style('white-space: normal')
        if self._pad.props.get('enabled') != (not problem):
            self._pad.props['enabled'] = not problem
            self._pad.update()
        sight = self._sight
        trip = self._feed.round_trip.get(view.robot_id)
        self._ages.text = (
            f'Position and speed {"unknown" if sight is None else f"{sight:.1f} s old"}, '
            f'commands answered in {"…" if trip is None else f"{trip * 1000:.0f} ms"}'
        )

    async def _renew(self) -> None:
        try:
            await self._feed.request('lease', robot=self._view.robot_id)
        except OperatorError:
            self._mine = False

    @property
    def _sight(self) -> float | None:
        """
        Age of what is known of the robot's motion, s; None if nothing is.

        A localization such as AMCL says nothing new of a robot that stands, its odometry does.
        """
        ages = [self._view.age(key) for key in ('pose', 'velocity')]
        return min((age for age in ages if age is not None), default=None)

    def _problem(self) -> str:
        """Why one must not drive now."""
        if self._feed.problem:
            return self._feed.problem
        if not self._view.connected:
            return 'the robot is not connected'
        if self._view.latch:
            return f'the robot is {self._view.latch}; resume first'
        sight = self._sight
        if sight is None:
            return 'it is not known where the robot is (telemetry.groups pose and velocity)'
        if sight > OLDEST_SIGHT:
            return f'the robot said where it is and how fast {sight:.0f} s ago'
        waits = self._waits()
        if waits > OLDEST_ANSWER:
            return f'the robot has not answered for {waits:.0f} s'
        return ''

    def _waits(self) -> float:
        commands = self._view.commands
        now = time.monotonic()
        for command_id in list(self._unanswered):
            known = commands.get(command_id)
            if (known is not None and known.state != 'sent') or len(self._unanswered) > 100:
                del self._unanswered[command_id]
        oldest = min(self._unanswered.values(), default=now)
        if now - oldest > 5.0 and self._view.connected:
            self._unanswered.clear()  # Lost on the way; whether the next is answered shows.
            return 0.0
        return now - oldest

    # --- driving ---

    async def _on_drive(self, event: GenericEventArguments) -> None:
        if not self._mine or self._problem():
            return
        args: Mapping[str, Any] = event.args
        self._driving = True
        await self._drive(
            _part(args.get('linear')) * float(self._speed.value or 0.0),
            _part(args.get('angular')) * float(self._turn.value or 0.0),
        )

    async def _on_release(self) -> None:
        if self._driving:
            await self._stand()

    async def _stand(self) -> None:
        self._driving = False
        await self._drive(0.0, 0.0)

    async def _drive(self, linear: float, angular: float) -> None:
        velocity = {'linear': round(linear, 3), 'angular': round(angular, 3)}
        sent = time.monotonic()
        try:
            command_id = await self._feed.send(
                self._view.robot_id,
                self._command,
                {**velocity, 'hold': any(velocity.values())},
                issued_at=time.time(),
            )
            self._unanswered[command_id] = sent
            self._renew_at = time.monotonic() + RENEW
        except OperatorError as error:
            if error.code == 'lease':
                self._mine = False
            say(words.error_words({'code': error.code, 'message': str(error)}), bad=True)


def _part(value: Any) -> float:
    """Return a deflection of -1 to 1, whatever a browser sent."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        return 0.0
    return max(-1.0, min(1.0, float(value)))
