# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""
Keeps on disk and runs what platforms want run at a time, and reports it.

Services `~/schedule/get`, `save` and `delete`; entries stand in `~/status`. What is due goes the
way of a remote command from that link, with the same rules. The schedule is asked for on every
connect; that of a link that may not command is not put on disk. Entries are read beside the ROS
thread, as a platform may send thousands.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
import time
from typing import Any

from builtin_interfaces.msg import Time
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.task import Future
from std_srvs.srv import Trigger
from xparo_interfaces.msg import ScheduledCommand
from xparo_interfaces.srv import GetSchedule, SaveSchedule

from ... import messages as msg
from ...json_reader import read_json, read_own_object
from ...json_writer import dumps
from ...ros.entities import guard_condition, service, timer
from ...ros.times import nearest_time
from ...ros.walls import when_done
from ...state import NoRoom
from ..features import Feature, FeatureContext, Handlers
from ..links.replies import Replies
from .disk_worker import DiskWorker
from .schedule_entries import (
    DONE,
    Entry,
    INVALID,
    MAX_ENTRIES,
    Policy,
    read_schedule,
    ScheduleEntries,
)

# Room for all schedules on disk, bytes, and values of one.
_MAX_BYTES = 8 * 1024 * 1024
_TICK = 1.0  # s; wall time may jump, so nothing is waited for longer
_SHOWN = 200  # entries in a BridgeStatus, which is published each second
_LONGEST = 500  # characters of a text there; ~/schedule/get has all
_AT_A_TIME = 20  # commands that are due, before others have their turn
_NAMED = 5  # invalid entries of one schedule that the log names
_WRITTEN = ('date', 'time', 'command', 'time_zone', 'missed')


class Schedules(Feature):
    """The schedules of all links that keep one."""

    def __init__(self, context: FeatureContext) -> None:
        """Take up the schedules of the last run."""
        node = context.node
        settings = context.configuration['schedule']
        self._context = context
        self._logger = node.get_logger()
        self._timeout = context.configuration['chat']['timeout']
        self._links = context.links.that_carry(msg.AskSchedule)
        self._kept = context.state.table('schedules', max_entries=100, max_bytes=_MAX_BYTES)
        self._policy = Policy(settings['time_zone'], settings['missed'], settings['missed_within'])
        self._schedule = ScheduleEntries(self._policy, self._read())
        self._replies = Replies(node)
        self.handlers = Handlers()
        self.handlers.on(msg.Schedule, self._on_schedule)
        self._worker = DiskWorker('schedules', lambda error: self._logger.error(repr(error)))
        self._done: deque[tuple[Future, Any]] = deque()
        self._done_guard = guard_condition(node, self._pop_done)
        self._due_guard = guard_condition(node, self._run_due)
        group = ReentrantCallbackGroup()
        service(node, GetSchedule, '~/schedule/get', self._on_get, callback_group=group)
        service(node, SaveSchedule, '~/schedule/save', self._on_save, callback_group=group)
        service(node, Trigger, '~/schedule/delete', self._on_delete)
        self._timer = timer(node, _TICK, self._run_due)

    def connected(self, link: str) -> None:
        if link in self._links:
            self._context.links.send(msg.AskSchedule(), link)

    def on_status(self, status: Any) -> None:
        status.schedule = [_message(entry, _LONGEST) for entry in self._schedule.shown(_SHOWN)]

    def _read(self) -> dict[str, Any]:
        kept = {}
        for link, text in self._kept.items():
            try:
                schedule = read_own_object(text)
                ScheduleEntries(self._policy, {link: schedule})
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                self._logger.error(f'{link}: the schedule of the last run is lost: {error!r}')
                self._kept.delete(link)
                continue
            if link in self._links:
                kept[link] = schedule
        return kept

    def _keep(self, *links: str) -> None:
        for link in links:
            if not self._context.roles.may_command(link):
                self._kept.delete(link)
                continue
            try:
                self._kept.put(link, self._schedule.text(link))
            except NoRoom as error:
                self._logger.error(f'{link}: its schedule is lost at a restart: {error}')
        self._context.publish_status()

    def _beside(self, job: Callable[[], Any]) -> Future:
        """Run a job beside the ROS thread, where the future gets its result; None if it failed."""
        future = Future()

        def run() -> None:
            result = None
            try:
                result = job()
            finally:
                self._done.append((future, result))
                self._done_guard.trigger()

        if not self._worker.put(run):
            self._logger.warning('schedule: too many requests at a time')
            self._done.append((future, None))
            self._done_guard.trigger()
        return future

    def _pop_done(self) -> None:
        while self._done:
            future, result = self._done.popleft()
            future.set_result(result)

    def _lay_down(self, link: str, read: Mapping[str, Entry]) -> None:
        invalid = self._schedule.lay_down(link, read)
        for entry in invalid[:_NAMED]:
            self._logger.warning(f'{link}: schedule: {entry.name}: {entry.problem}')
        if len(invalid) > _NAMED:
            self._logger.warning(f'{link}: schedule: {len(invalid)} entries are invalid')
        self._keep(link)
        if self._schedule.waiting() and self._timer.is_canceled():
            self._timer.reset()

    def _run_due(self) -> None:
        ended = self._schedule.pop_due(time.time(), _AT_A_TIME)
        if ended:
            # Kept first: what a crash interrupts is not run again.
            self._keep(*{entry.link for entry in ended})
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
        if len(ended) == _AT_A_TIME:
            self._due_guard.trigger()  # More may be due; others have their turn first.
        if not self._schedule.waiting():
            self._timer.cancel()

    def _on_schedule(self, link: str, schedule: msg.Schedule) -> None:
        if schedule.entries and not self._context.roles.may_command(link):
            # It is shown, and rejected when it is due, but nothing of it is on the disk.
            self._logger.warning(f'{link}: schedule not kept: this link may not command')
        entries = schedule.entries
        if len(entries) > MAX_ENTRIES:
            self._logger.warning(
                f'{link}: schedule: {len(entries)} entries, the first {MAX_ENTRIES} are kept'
            )

        def on_read(reading: Any) -> None:
            if (read := reading.result()) is not None:
                self._lay_down(link, read)
            self._replies.arrived(link, schedule)

        when_done(self._beside(lambda: read_schedule(link, entries, self._policy)), on_read)

    async def _on_get(self, request: Any, response: Any) -> Any:
        link = request.link or self._links[0]
        response.error = self._context.links.send_now(msg.AskSchedule(), link)
        if (
            not response.error
            and await self._replies.expect(link, request.timeout or self._timeout) is None
        ):
            response.error = 'the platform did not answer in time'
        response.success = not response.error
        entries = [entry for entry in self._schedule.entries() if entry.link == link]
        response.entries = await self._beside(lambda: [_message(entry) for entry in entries]) or []
        return response

    async def _on_save(self, request: Any, response: Any) -> Any:
        link = request.link or self._links[0]
        try:
            entries = self._checked(link, request.entries)
        except ValueError as error:
            response.error = str(error)
            return response
        read = await self._beside(lambda: read_schedule(link, entries, self._policy))
        if read is None:
            response.error = 'the schedule could not be read; see the log'
            return response
        invalid = [entry for entry in read.values() if entry.state == INVALID]
        if invalid:
            response.error = f'{invalid[0].name}: {invalid[0].problem}'
            return response
        self._context.links.send(msg.SaveSchedule(entries), link)
        self._lay_down(link, read)
        response.success = True
        return response

    def _checked(self, link: str, given: Any) -> dict[str, dict[str, Any]]:
        if link not in self._links:
            raise ValueError(
                f'link {link} keeps no schedule; those that do: {", ".join(self._links)}'
            )
        if not given:
            raise ValueError('no entries; ~/schedule/delete forgets a schedule')
        if len(given) > MAX_ENTRIES:
            raise ValueError(f'{len(given)} entries, expected at most {MAX_ENTRIES}')
        entries: dict[str, dict[str, Any]] = {}
        for entry in given:
            name = entry.name or entry.command
            if not name or name in entries:
                raise ValueError(f'"{name}": each entry needs a name of its own')
            fields = {key: value for key in _WRITTEN if (value := getattr(entry, key))}
            if entry.parameters:
                fields['parameters'] = read_json(entry.parameters)
            entries[name] = fields
        return entries

    def _on_delete(self, request: Any, response: Any) -> Any:
        for link in self._links:
            self._context.links.send(msg.DeleteSchedule(), link)
            self._lay_down(link, {})
        response.success = True
        return response


def _message(entry: Entry, longest: int | None = None) -> ScheduledCommand:
    """Return an entry as a message, with texts cut and parameters left out that are longer."""
    due = Time() if entry.due is None else nearest_time(Time, int(entry.due))
    fields = {key: str(entry.fields.get(key) or '')[:longest] for key in _WRITTEN}
    fields['command'] = entry.command[:longest]
    if longest is not None and len(entry.text) > longest:
        parameters = ''
    else:
        parameters = dumps(entry.parameters) if entry.parameters else ''
    return ScheduledCommand(
        name=entry.name[:longest],
        parameters=parameters,
        link=entry.link,
        due=due,
        state=entry.state,
        problem=entry.problem[:longest],
        **fields,
    )
