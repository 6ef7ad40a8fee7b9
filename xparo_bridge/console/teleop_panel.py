# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The panel for driving by hand: the lease, the stick, and what keeps it locked."""

from __future__ import annotations

import math
import time
from typing import Any

from nicegui import ui
from nicegui.element import Element

from ..local.platform_client import OperatorError
from . import words
from .driving import Driver, Sight
from .layout import Button, question, say
from .sessions import Session

LOOK = 0.25  # s between two looks at what is so
_DEFAULT_SPEED = (0.3, 0.8)  # m/s, rad/s


class Pad(Element, component='teleop.js'):
    """
    The stick, which speaks to a Driver by a WebSocket of its own.

    `driver` is the driver's, `linear` and `angular` are the speeds of a full deflection, m/s and
    rad/s. Method `seen(ages, problem, at)`: how old what is shown of the robot is, s, by its name;
    why one must not drive; and when this was sent, s by any clock that nobody sets. A page that
    does not hear it, or hears it late, locks the stick by itself.
    """


def draw(session: Session, sight: Sight) -> None:
    """Draw the panel, where the robot can be driven by hand."""
    place = ui.element('section').classes('xc-panel').props('aria-label="Drive by hand"')
    with place:
        with ui.element('h2').classes('xc-h2'):
            ui.label('Drive by hand')
        Teleop(session, sight)


class Teleop:
    """One page's stick, and the lease behind it."""

    def __init__(self, session: Session, sight: Sight) -> None:
        self._session = session
        self._feed = session.feed
        self._sight = sight
        self._view = sight.view
        self._driver: Driver | None = None
        self._lease: Any = None  # the last that was looked at
        self._draw()

    def _draw(self) -> None:
        self._who = ui.label().props('role=status')
        with ui.element('div').classes('xc-row'):
            self._begin = Button('Take the stick', on_click=self._acquire).classes('xc-do')
            self._end = Button('Give it back', on_click=self._give_back).classes('xc-plain')
            self._over = Button('Take over…', on_click=self._ask_why).classes('xc-danger')
        self._body = ui.element('div').classes('xc-stack')
        with self._body:
            self._pad = Pad()
            ui.label(
                'Hold to drive: the stick, arrow keys or W A S D while the stick has the focus, '
                'or a gamepad with one of its buttons held. Letting go stops.'
            ).classes('xc-soft')
            with ui.element('div').classes('xc-row'):
                self._speed = ui.number(
                    'm/s at most',
                    value=_DEFAULT_SPEED[0], min=0.05, max=2.0, step=0.05, on_change=self._limit,
                ).props('outlined dense')  # fmt: skip
                self._turn = ui.number(
                    'rad/s at most',
                    value=_DEFAULT_SPEED[1], min=0.1, max=3.0, step=0.1, on_change=self._limit,
                ).props('outlined dense')  # fmt: skip
        self._limit()
        ui.timer(LOOK, self._look)
        self._show()
        ui.context.client.on_disconnect(self._end_driving)

    def _limit(self) -> None:
        self._pad.props['linear'] = float(self._speed.value or 0.0)
        self._pad.props['angular'] = float(self._turn.value or 0.0)
        self._pad.update()

    @property
    def _command(self) -> str:
        """The command that drives, empty if there is none."""
        for name, what in self._view.menu.items():
            if what.get('kind') == 'teleop':
                return name
        return ''

    # --- the lease ---

    async def _acquire(self, **how: Any) -> None:
        driver = Driver(self._feed, self._sight, self._command)
        try:
            await driver.open(**how)
        except OperatorError as error:
            say(words.error_words({'code': error.code, 'message': str(error)}), bad=True)
            return
        self._driver = driver
        self._session.drivers[driver.key] = driver
        self._pad.props['driver'] = driver.key
        self._pad.update()
        self._show()

    async def _give_back(self) -> None:
        await self._end_driving()
        self._show()

    async def _end_driving(self) -> None:
        driver, self._driver = self._driver, None
        if driver is not None:
            self._session.drivers.pop(driver.key, None)
            self._pad.props['driver'] = ''
            self._pad.update()
            await driver.close()

    def _ask_why(self) -> None:
        with question('Take over driving?') as dialog:
            ui.label(self._holder_words()).classes('xc-soft')
            reason = ui.input('Reason, which they see').props('outlined dense autofocus')

            async def take_over() -> None:
                if not str(reason.value or '').strip():
                    say('Give a reason first.', bad=True)
                    return
                dialog.close()
                await self._acquire(take_over=True, reason=str(reason.value).strip())

            with ui.row():
                Button('No', on_click=dialog.close).classes('xc-plain')
                Button('Take over', on_click=take_over).classes('xc-danger')

    def _holder_words(self) -> str:
        lease = self._view.lease
        if not lease:
            return 'Nobody drives.'
        since = words.clock(float(lease['since']), self._session.zone)
        reason = f' ({lease["reason"]})' if lease.get('reason') else ''
        return f'{lease["holder"]} drives since {since}{reason}.'

    # --- what is shown ---

    async def _look(self) -> None:
        driver, lease = self._driver, self._view.lease
        if driver is not None:
            if lease != self._lease:
                # It may be another page of this person's that has it now: the platform knows.
                self._lease = lease
                driver.doubt()
            await driver.renew()
            if not driver.is_open:
                await self._end_driving()
                say('The connection by which you drove is gone.', bad=True)
            elif driver.is_lost:
                await self._end_driving()
                lease = self._view.lease or {}
                who = lease.get('holder') or 'Somebody else'
                who = f'{who}, on another page,' if who == self._feed.person else who
                say(f'{who} took over: {lease.get("reason") or "no reason"}', bad=True)
        self._show()

    def _show(self) -> None:
        driver, lease = self._driver, self._view.lease
        may = self._feed.may_command and bool(self._command) and self._view.connected
        self._who.text = 'You drive.' if driver else self._holder_words()
        if not self._command:
            self._who.text = 'This robot has no command of kind teleop (docs/commands.md).'
        self._begin.set_visibility(may and not driver and not lease)
        self._over.set_visibility(may and not driver and bool(lease))
        self._end.set_visibility(driver is not None)
        self._body.set_visibility(driver is not None)
        if driver is not None:
            self._pad.run_method('seen', self._ages(), driver.problem, time.monotonic())

    def _ages(self) -> dict[str, float | None]:
        ages = {'Position and speed': self._sight.age}
        if self._sight.camera:
            ages['picture'] = self._sight.picture_age
        return {
            name: None if age is None or math.isinf(age) else round(age, 2)
            for name, age in ages.items()
        }
