# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Schedules' face in ROS: what platforms want run at a time is kept on disk, run, and told.

Services `~/schedule/get`, `save` and `delete`; the entries stand in `~/status`. What is due goes
the way of a remote command from that link, with the same rules. The schedule is asked for on
every connect.
"""

from __future__ import annotations

import json
import time
from typing import Any

from builtin_interfaces.msg import Time
from rclpy.callback_groups import ReentrantCallbackGroup
from std_srvs.srv import Trigger
from xparo_interfaces.msg import ScheduledCommand
from xparo_interfaces.srv import GetSchedule, SaveSchedule

from ... import messages as msg
from ...json_reader import read_json
from ...ros.entities import service, timer
from ..features import Feature, FeatureContext
from ..links.replies import Replies
from .schedule_entries import Agenda, DONE, Entry, INVALID, Policy, read_entry, time_zone

_TICK = 1.0  # s; wall time may jump, so nothing is waited for longer
_WRITTEN = ('date', 'time', 'command', 'time_zone', 'missed')


class Schedules(Feature):
    """The schedules of all links that keep one."""

    def __init__(self, context: FeatureContext) -> None:
        """Take up the schedules of the last run."""
        node = context.node
        settings = context.configuration['schedule']
        if settings['time_zone']:
            try:
                time_zone(settings['time_zone'])
            except ValueError as error:
                context.configuration.refuse(('schedule', 'time_zone'), str(error))
        self._context = context
        self._logger = node.get_logger()
        self._timeout = context.configuration['chat']['timeout']
        self._links = context.links.that_carry(msg.AskSchedule)
        self._file = context.state.file('schedules.json')
        self._policy = Policy(settings['time_zone'], settings['missed'], settings['missed_within'])
        self._agenda = Agenda(self._policy, self._read())
        self._replies = Replies(node)
        self.handlers = {msg.Schedule: self._on_schedule}
        group = ReentrantCallbackGroup()
        service(node, GetSchedule, '~/schedule/get', self._on_get, callback_group=group)
        service(node, SaveSchedule, '~/schedule/save', self._on_save)
        service(node, Trigger, '~/schedule/delete', self._on_delete)
        self._timer = timer(node, _TICK, self._run_due)

    def connected(self, link: str) -> None:
        if link in self._links:
            self._context.links.send(msg.AskSchedule(), link)

    def tell(self, status: Any) -> None:
        status.schedule = [_message(entry) for entry in self._agenda.entries()]

    def _read(self) -> dict[str, Any]:
        try:
            kept = json.loads(self._file.read() or '{}')
            Agenda(self._policy, kept)
            return {link: kept[link] for link in kept if link in self._links}
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            self._logger.error(
                f'{self._file.path}: schedules of the last run not taken up: {error!r}'
            )
            return {}

    def _keep(self) -> None:
        self._file.write(json.dumps(self._agenda.to_json()))
        self._context.publish_status()

    def _lay_down(self, link: str, entries: Any) -> None:
        for entry in self._agenda.replace(link, entries):
            self._logger.warning(f'{link}: schedule: {entry.name}: {entry.problem}')
        self._keep()
        if self._agenda.waiting():
            self._timer.reset()

    def _run_due(self) -> None:
        ended = self._agenda.take_due(time.time())
        if ended:
            # Kept first: what a crash interrupts is not run again.
            self._keep()
        for entry in ended:
            at = f'{entry.fields["date"]} {entry.fields["time"]}'
            if entry.state == DONE:
                self._logger.info(f'{entry.link}: schedule: {entry.name}: due at {at}')
                self._context.execute(
                    entry.link,
                    msg.RemoteCommand(
                        entry.command,
                        entry.parameters or {},
                        f'schedule-{entry.link}-{entry.name}-{entry.due:.0f}',
                    ),
                )
            else:
                self._logger.warning(f'{entry.link}: schedule: {entry.name}: missed, {at}')
        if not self._agenda.waiting():
            self._timer.cancel()

    def _on_schedule(self, link: str, schedule: msg.Schedule) -> None:
        self._lay_down(link, schedule.entries)
        self._replies.arrived(link, schedule)

    async def _on_get(self, request: Any, response: Any) -> Any:
        link = request.link or self._links[0]
        response.error = self._context.links.send_now(msg.AskSchedule(), link)
        if (
            not response.error
            and await self._replies.expect(link, request.timeout or self._timeout) is None
        ):
            response.error = 'the platform did not answer in time'
        response.success = not response.error
        response.entries = [
            _message(entry) for entry in self._agenda.entries() if entry.link == link
        ]
        return response

    def _on_save(self, request: Any, response: Any) -> Any:
        link = request.link or self._links[0]
        try:
            entries = self._checked(link, request.entries)
        except ValueError as error:
            response.error = str(error)
            return response
        self._context.links.send(msg.SaveSchedule(entries), link)
        self._lay_down(link, entries)
        response.success = True
        return response

    def _checked(self, link: str, given: Any) -> dict[str, dict[str, Any]]:
        if link not in self._links:
            raise ValueError(
                f'link {link} keeps no schedule; those that do: {", ".join(self._links)}'
            )
        if not given:
            raise ValueError('no entries; ~/schedule/delete forgets a schedule')
        entries: dict[str, dict[str, Any]] = {}
        for entry in given:
            name = entry.name or entry.command
            if not name or name in entries:
                raise ValueError(f'"{name}": each entry needs a name of its own')
            fields = {key: value for key in _WRITTEN if (value := getattr(entry, key))}
            if entry.parameters:
                fields['parameters'] = read_json(entry.parameters)
            if (read := read_entry(link, name, fields, self._policy)).state == INVALID:
                raise ValueError(f'{name}: {read.problem}')
            entries[name] = fields
        return entries

    def _on_delete(self, request: Any, response: Any) -> Any:
        for link in self._links:
            self._context.links.send(msg.DeleteSchedule(), link)
            self._lay_down(link, {})
        response.success = True
        return response


def _message(entry: Entry) -> ScheduledCommand:
    due = Time() if entry.due is None else Time(sec=int(entry.due))
    fields = {key: str(entry.fields.get(key) or '') for key in _WRITTEN}
    fields['command'] = entry.command
    parameters = json.dumps(dict(entry.parameters)) if entry.parameters else ''
    return ScheduledCommand(
        name=entry.name,
        parameters=parameters,
        link=entry.link,
        due=due,
        state=entry.state,
        problem=entry.problem,
        **fields,
    )
