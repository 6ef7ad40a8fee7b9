# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is a tree refused at its line, mended, seen running, halted and seen again, in a browser."""

from __future__ import annotations

import re

BROKEN = """\
<root BTCPP_format="4" main_tree_to_execute="t">
  <BehaviorTree ID="t">
    <Sequence>
      <Spinn/>
    </Sequence>
  </BehaviorTree>
</root>"""
MENDED = BROKEN.replace(
    '<Spinn/>',
    '<Script code="table := 4"/>\n'
    '      <RemoteCommand name="look around" command="status"/>\n'
    '      <RemoteCommand name="stand still" command="wait" seconds="60"/>',
)


def write(page, xml: str) -> None:
    editor = page.locator('.cm-content')
    editor.click()
    page.keyboard.press('Control+a')
    page.keyboard.insert_text(xml)


def test_a_broken_tree_is_refused_at_its_line_mended_and_seen_running(house, page):
    page.goto(f'{house.url}/robot/r1/trees')
    page.get_by_role('heading', name='r1: behaviour trees').wait_for()
    page.get_by_label('Name of the tree').fill('story')
    write(page, BROKEN)
    page.get_by_role('button', name='Push and run').click()
    mistakes = page.get_by_label('Mistakes in the tree')
    mistakes.get_by_text("line 4: there is no node type 'Spinn'").wait_for()
    assert '<Spinn/>' in page.locator('.xc-mistake').inner_text()
    write(page, MENDED)
    page.get_by_role('button', name='Push and run').click()
    page.locator('[data-node="stand still"][data-status="RUNNING"]').wait_for()
    page.locator('[data-node="look around"][data-status="SUCCESS"]').wait_for()
    assert page.locator('.xc-mistake').count() == 0
    run = page.get_by_role('region', name='Run of a tree')
    run.get_by_text('now: stand still').wait_for()
    entries = run.get_by_role('region', name='Blackboard')
    entries.get_by_role('term').get_by_text('table', exact=True).wait_for()
    assert '4' in entries.get_by_role('definition').all_inner_texts()
    run.get_by_role('button', name='Halt the tree').click()
    run.get_by_role('status').get_by_text('halted', exact=True).wait_for()
    # It is there again after a reload, and any moment of it can be seen.
    page.reload()
    run.get_by_role('status').get_by_text('halted', exact=True).wait_for()
    slider = run.get_by_role('slider')
    slider.locator('[tabindex="0"]').focus()
    run.get_by_text(re.compile(r'report (\d+) of \1')).wait_for()
    for at in range(int(slider.get_attribute('aria-valuenow')), 0, -1):
        # Back, report by report, to when it stood still.
        run.get_by_text(f'report {at} of').wait_for()
        if page.locator('[data-node="stand still"][data-status="RUNNING"]').count():
            break
        page.keyboard.press('ArrowLeft')
    page.locator('[data-node="look around"][data-status="SUCCESS"]').wait_for()


def test_a_tree_of_the_library_is_run_and_the_last_good_one_comes_back(house, page):
    page.goto(f'{house.url}/robot/r1/trees')
    good = MENDED.replace('seconds="60"', 'seconds="0"')
    for xml, state in ((good, 'succeeded'), (BROKEN, '')):
        write(page, xml)
        # The editor is there once the page is connected: what is typed before is lost.
        page.get_by_label('Name of the tree').fill('again')
        page.get_by_role('button', name='Push and run').click()
        if state:
            run = page.get_by_role('region', name='Run of a tree')
            run.get_by_role('combobox', name='Which run').wait_for()
            run.get_by_role('status').get_by_text(state, exact=True).wait_for()
    page.get_by_label('Mistakes in the tree').get_by_text('Spinn').wait_for()
    page.get_by_role('button', name='Back to the last good one').click()
    page.get_by_role('button', name='Push and run it').click()
    page.get_by_text(re.compile('again, succeeded')).first.wait_for()
    page.locator('[data-node="stand still"][data-status="SUCCESS"]').wait_for()
    assert 'Spinn' not in page.locator('.cm-content').inner_text()
    library = page.get_by_role('region', name='Library of trees')
    library.get_by_role('button', name='Look again').click()
    library.get_by_role('button', name='Run again').click()
    run = page.get_by_role('region', name='Run of a tree').get_by_role('status')
    run.get_by_text('succeeded', exact=True).wait_for()
