# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""What a schedule says, when it is due, and that nothing of it runs twice."""

from __future__ import annotations

from datetime import datetime
import time
from zoneinfo import ZoneInfo

import pytest

from xparo_bridge import time_zones
from xparo_bridge.json_reader import read_own
from xparo_bridge.robot.platform_data.schedule_entries import (
    DONE,
    INVALID,
    MAX_ENTRIES,
    MISSED,
    Policy,
    ScheduleEntries,
    WAITING,
)
from xparo_bridge.time_zones import OLDER_NAMES, time_zone

BERLIN = Policy('Europe/Berlin')
# 2026-07-01 12:00 in Berlin
NOON = 1782900000.0
AT_NOON = {'date': '2026-07-01', 'time': '12:00'}


def agenda(policy: Policy = BERLIN, **entries: dict) -> ScheduleEntries:
    made = ScheduleEntries(policy)
    made.replace('platform', entries)
    return made


def only(schedule: ScheduleEntries):
    (entry,) = schedule.entries()
    return entry


def test_an_entry_is_due_at_its_time_on_the_clock_of_the_time_zone():
    assert only(agenda(dock=AT_NOON)).due == NOON


def test_an_entry_may_name_a_time_zone_of_its_own():
    assert only(agenda(dock={**AT_NOON, 'time_zone': 'UTC'})).due == NOON + 2 * 3600


@pytest.mark.parametrize(
    ('date', 'same', 'hours'),
    [
        ('2026-03-29', '03:30', 1),  # 02:00 to 03:00 is skipped
        ('2026-10-25', '02:30', 3),
    ],
)  # 02:00 to 03:00 comes twice, and the first counts
def test_a_time_the_clock_skips_or_repeats_is_one_moment(date, same, hours):
    due = only(agenda(dock={'date': date, 'time': '02:30'})).due
    assert due == only(agenda(dock={'date': date, 'time': same})).due
    assert due + hours * 3600 == only(agenda(dock={'date': date, 'time': '04:30'})).due


def test_its_name_is_its_command_unless_it_says_another():
    entry = only(agenda(morning={**AT_NOON, 'command': 'dock', 'parameters': {'side': 'left'}}))
    assert (entry.name, entry.command, entry.parameters) == ('morning', 'dock', {'side': 'left'})
    assert only(agenda(dock=AT_NOON)).command == 'dock'


def test_it_is_taken_once_when_it_is_due_and_not_before():
    schedule = agenda(dock=AT_NOON)
    assert schedule.pop_due(NOON - 0.1) == []
    (taken,) = schedule.pop_due(NOON)
    assert taken.state == DONE
    assert schedule.pop_due(NOON + 1) == [] and not schedule.waiting()


def test_a_clock_that_is_set_back_runs_nothing_twice():
    schedule = agenda(dock=AT_NOON)
    assert schedule.pop_due(NOON)
    assert not schedule.pop_due(NOON - 3600) and not schedule.pop_due(NOON)


def test_a_platform_that_sends_the_schedule_again_runs_nothing_twice():
    schedule = agenda(dock=AT_NOON)
    schedule.pop_due(NOON)
    schedule.replace('platform', {'dock': AT_NOON})
    assert not schedule.pop_due(NOON + 1)
    assert only(schedule).state == DONE


def test_the_same_command_at_another_time_is_another_entry():
    schedule = agenda(dock=AT_NOON)
    schedule.pop_due(NOON)
    schedule.replace('platform', {'dock': {'date': '2026-07-01', 'time': '12:05'}})
    assert schedule.pop_due(NOON + 300)


def test_what_ran_stays_run_over_a_restart():
    schedule = agenda(dock=AT_NOON, patrol={'date': '2026-07-01', 'time': '13:00'})
    schedule.pop_due(NOON)
    again = ScheduleEntries(BERLIN, {'platform': read_own(schedule.text('platform'))})
    assert [entry.state for entry in again.entries()] == [DONE, WAITING]


def test_the_text_of_the_largest_schedule_is_joined_in_no_time():
    entries = {
        f'entry "{number}" \\é': {
            **AT_NOON,
            'parameters': {'text': 'x' * 1_500, 'half': '\ud800', 'n': [1.5, None, True]},
        }
        for number in range(MAX_ENTRIES)
    }
    schedule = agenda(**entries)
    schedule.pop_due(NOON)
    times = []
    for _ in range(3):
        began = time.thread_time()
        text = schedule.text('platform')
        times.append(time.thread_time() - began)
    assert min(times) < 0.025
    kept = read_own(text)
    assert list(kept['entries']) == list(entries)
    assert kept['entries']['entry "7" \\é']['parameters']['half'] == '\ufffd'
    assert len(kept['ended']) == MAX_ENTRIES
    assert schedule.text('of no link') == '{"entries":{},"ended":{}}'


@pytest.mark.parametrize(
    ('missed', 'late', 'state'),
    [
        ('skip', 59, DONE),
        ('skip', 61, MISSED),
        ('run', 61, DONE),
        ('run', 3599, DONE),
        ('run', 3601, MISSED),
    ],
)
def test_what_was_missed_is_skipped_or_run_late_as_it_says(missed, late, state):
    (entry,) = agenda(dock={**AT_NOON, 'missed': missed}).pop_due(NOON + late)
    assert entry.state == state


def test_the_policy_holds_where_an_entry_does_not_say():
    (entry,) = agenda(Policy('Europe/Berlin', missed='run'), dock=AT_NOON).pop_due(NOON + 600)
    assert entry.state == DONE


@pytest.mark.parametrize(
    ('fields', 'problem'),
    [
        ({'date': '2026-02-30', 'time': '12:00'}, 'date YYYY-MM-DD'),
        ({'date': '2026-02-20'}, 'time HH:MM'),
        ({**AT_NOON, 'date': 20260701}, '"date" is no text'),
        ({**AT_NOON, 'time_zone': 'Europe/Atlantis'}, 'Europe/Atlantis'),
        ({**AT_NOON, 'time_zone': '../../etc/passwd'}, 'not known'),
        ({**AT_NOON, 'missed': 'maybe'}, 'skip or run'),
        ({**AT_NOON, 'parameters': 'left'}, '"parameters" is no object'),
    ],
)
def test_an_entry_that_cannot_be_read_says_why_and_the_others_run(fields, problem):
    schedule = agenda(bad=fields, dock=AT_NOON)
    assert [entry.name for entry in schedule.pop_due(NOON)] == ['dock']
    bad = next(entry for entry in schedule.entries() if entry.name == 'bad')
    assert bad.state == INVALID and problem in bad.problem


def test_links_have_schedules_of_their_own():
    schedule = agenda(dock=AT_NOON)
    schedule.replace('other', {'dock': AT_NOON})
    schedule.replace('platform', {})
    assert [entry.link for entry in schedule.pop_due(NOON)] == ['other']


@pytest.mark.parametrize('name', ['Asia/Calcutta', 'US/Pacific', 'Europe/Kiev', 'Asia/Saigon'])
def test_a_browser_s_older_name_of_a_time_zone_is_known_without_its_package(name, monkeypatch):
    def without_legacy(key):
        if key in OLDER_NAMES:
            raise KeyError(key)
        return ZoneInfo(key)

    monkeypatch.setattr(time_zones, 'ZoneInfo', without_legacy)
    at = datetime(2026, 1, 1, 12)
    assert time_zone(name).utcoffset(at) == ZoneInfo(OLDER_NAMES[name]).utcoffset(at)


def test_older_names_are_of_zones_there_are_and_others_are_told_back():
    assert all(map(time_zone, OLDER_NAMES.values()))
    with pytest.raises(ValueError, match='"Mars/Olympus" is not known here'):
        time_zone('Mars/Olympus')


def test_of_thousands_of_entries_those_that_are_due_are_found_without_looking_at_the_others():
    entries = {f'n{number}': {**AT_NOON, 'command': 'dock'} for number in range(3000)}
    entries['later'] = {'date': '2026-07-01', 'time': '12:01'}
    schedule = agenda(**entries)
    assert [len(schedule.pop_due(NOON, most=2000)) for _ in range(3)] == [2000, 1000, 0]
    assert [entry.name for entry in schedule.pop_due(NOON + 60)] == ['later']
    assert not schedule.waiting()


def test_a_schedule_has_a_bound():
    entries = {f'n{number}': AT_NOON for number in range(MAX_ENTRIES + 10)}
    assert len(agenda(**entries).entries()) == MAX_ENTRIES


def test_of_many_entries_those_are_shown_that_say_most():
    schedule = agenda(
        bad={},
        past={'date': '2026-07-01', 'time': '11:00'},
        soon=AT_NOON,
        later={'date': '2026-07-02', 'time': '11:00'},
    )
    schedule.pop_due(NOON - 1)
    assert [entry.name for entry in schedule.shown(3)] == ['bad', 'soon', 'later']
    assert len(schedule.shown(4)) == 4


def test_what_a_new_schedule_no_longer_has_is_not_run():
    schedule = agenda(dock=AT_NOON, undock=AT_NOON)
    schedule.replace('platform', {'dock': {'date': '2026-07-02', 'time': '12:00'}})
    assert schedule.pop_due(NOON) == []
