# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""The platform's REST API: requests, failures, sessions of log lines and bags."""

import asyncio
from contextlib import asynccontextmanager
import json
import time

from fixtures.kept_state import in_file, on_record
from link.rest_platform import platform
import pytest

from xparo_bridge.link.backoff import Backoff
from xparo_bridge.link.bag_upload import check_metadata, NotABag, Progress, upload_rosbag
from xparo_bridge.link.history import oldest
from xparo_bridge.link.log_upload import LogUploader
from xparo_bridge.link.rest import RestClient, RestError, TokenRefused
from xparo_bridge.messages import LogUpdate
from xparo_bridge.state import Queue, State


def quick():
    return Backoff(initial=0.01, maximum=0.02, stable_after=0.0, refused=60.0)


@asynccontextmanager
async def client_of(server, **options):
    client = RestClient(server.url, **options)
    client.set_token('secret')
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def uploading(client, folder, **options):
    problems = []
    state = State(folder, print)
    uploader = LogUploader(
        client,
        Queue(state.writer, 'log_updates', 'platform', 100_000),
        look_period=0.02,
        backoff=quick(),
        on_problem=problems.append,
        **options,
    )
    task = asyncio.create_task(uploader.run())
    try:
        yield uploader, problems
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        state.close()


def run(test):
    """Run an async test."""

    def wrapper(tmp_path):
        asyncio.run(test(tmp_path))

    wrapper.__name__, wrapper.__doc__ = test.__name__, test.__doc__
    return wrapper


@run
async def test_robot_info_is_registered_with_what_the_document_has(tmp_path):
    async with platform() as server, client_of(server) as client:
        await client.register_robot({'robot_id': 'r1', 'os': 'Linux', 'hostname': 'h'})
        assert server.took == [
            (
                '/api/robot-info/',
                {
                    'robot_id': 'r1',
                    'os': 'Linux',
                    'cpu': '',
                    'memory': '',
                    'ip_address': '',
                    'display': '',
                },
            )
        ]
        assert server.authorizations == ['Bearer secret']


@run
async def test_older_servers_get_their_own_word_before_the_token(tmp_path):
    async with platform() as server, client_of(server, scheme='Token') as client:
        assert await client.post('/api/x/', {}) == {'status': 'ok'}
        assert server.authorizations == ['Token secret']


@pytest.mark.parametrize(
    ('step', 'passing'),
    [
        (500, True),
        (503, True),
        (429, True),
        ('cut', True),
        (400, False),
        (404, False),
        (302, False),
    ],
)
def test_a_failure_says_whether_it_may_pass(step, passing):
    async def fail():
        async with platform() as server, client_of(server) as client:
            server.script = [step]
            with pytest.raises(RestError) as caught:
                await client.post('/api/x/', {})
            assert caught.value.passing is passing
            assert 'secret' not in str(caught.value)

    asyncio.run(fail())


@run
async def test_without_a_token_nothing_is_sent(tmp_path):
    async with platform() as server:
        client = RestClient(server.url)
        with pytest.raises(TokenRefused):
            await client.post('/api/x/', {})
        assert server.authorizations == []


@pytest.mark.parametrize('url', ['http://platform.example', 'ftp://127.0.0.1', 'nonsense'])
def test_a_token_is_not_shown_to_the_network(url):
    with pytest.raises(ValueError, match='https://'):
        RestClient(url)


@run
async def test_lines_and_metrics_go_with_the_session_they_belong_to(tmp_path):
    async with (
        platform() as server,
        client_of(server) as client,
        uploading(client, tmp_path / 'spool') as (uploader, problems),
    ):
        uploader.put(LogUpdate('s1', ['one', 'two'], {'cpu_usage': 5.0}))
        uploader.put(LogUpdate('s2', ['three']))
        await server.until(2)
        assert server.took == [
            ('/api/update-logs/', {'session_id': 's1', 'cpu_usage': 5.0, 'logs': ['one', 'two']}),
            ('/api/update-logs/', {'session_id': 's2', 'logs': ['three']}),
        ]
        assert problems == []


@run
async def test_nothing_is_lost_or_reordered_while_the_platform_fails(tmp_path):
    async with (
        platform() as server,
        client_of(server) as client,
        uploading(client, tmp_path / 'spool') as (uploader, problems),
    ):
        server.script = [500, 'cut', 429, 503]
        for number in range(20):
            uploader.put(LogUpdate('s', [str(number)]))
            await asyncio.sleep(0)
        await server.until(20)
        assert [body['logs'] for _, body in server.took] == [[str(n)] for n in range(20)]
        assert uploader.dropped == 0
        assert problems


@run
async def test_a_batch_the_platform_will_never_take_does_not_hold_up_the_rest(tmp_path):
    async with (
        platform() as server,
        client_of(server) as client,
        uploading(client, tmp_path / 'spool') as (uploader, problems),
    ):
        server.script = [400]
        uploader.put(LogUpdate('s', ['bad']))
        uploader.put(LogUpdate('s', ['good']))
        await server.until(1)
        assert server.took[0][1]['logs'] == ['good']
        assert uploader.dropped == 1


@run
async def test_a_refused_token_waits_for_the_next_one(tmp_path):
    async with (
        platform() as server,
        client_of(server) as client,
        uploading(client, tmp_path / 'spool') as (uploader, problems),
    ):
        server.token = 'renewed'
        uploader.put(LogUpdate('s', ['kept']))
        while not problems:
            await asyncio.sleep(0.005)
        assert 'refused the token' in problems[0]
        assert 'secret' not in problems[0]
        client.set_token('renewed')
        await server.until(1)
        assert server.took[0][1]['logs'] == ['kept']


@run
async def test_what_waits_survives_a_restart(tmp_path):
    async with platform() as server, client_of(server) as client:
        server.script = ['stall']
        async with uploading(client, tmp_path / 'spool') as (uploader, _):
            uploader.put(LogUpdate('s', ['kept']))
            await asyncio.wait_for(server.arrived.wait(), 5)
            server.script = [500] * 3
        assert server.took == []
        server.script = []
        async with uploading(client, tmp_path / 'spool') as (uploader, _):
            uploader.put(LogUpdate('t', ['new']))
            await server.until(2)
        # The stop may have cut the answer to the last one short, which then is sent twice.
        assert [(body['session_id'], body['logs']) for _, body in server.took[:2]] == [
            ('s', ['kept']),
            ('t', ['new']),
        ]
    assert in_file(tmp_path / 'spool', 'SELECT * FROM log_updates') == []


@run
async def test_the_last_lines_are_sent_when_the_bridge_stops(tmp_path):
    async with platform() as server, client_of(server) as client:
        async with uploading(client, tmp_path / 'spool') as (uploader, _):
            await asyncio.sleep(0)  # Cancelled before its first step, a task never runs.
            uploader.put(LogUpdate('s', ['last']))
        assert [body['logs'] for _, body in server.took] == [['last']]


@run
async def test_what_waits_on_disk_keeps_its_bound_and_its_order(tmp_path):
    state = State(tmp_path, print)
    queue = Queue(state.writer, 'log_updates', 'platform', 1000)
    for number in range(10):
        queue.append(f'{{"number": {number}, "padding": "{"x" * 100}"}}')
    _, records = await oldest(queue, 1 << 20)
    numbers = [json.loads(text)['number'] for _, text in records]
    assert numbers == list(range(10 - len(numbers), 10))
    assert queue.dropped == 10 - len(numbers) > 0
    state.close()


@run
async def test_an_update_that_the_disk_damaged_is_passed_over(tmp_path):
    state = State(tmp_path, print)
    queue = Queue(state.writer, 'log_updates', 'platform', 10_000)
    queue.append('{"num')
    queue.append('{"session_id": "s", "logs": ["whole"]}')
    await asyncio.to_thread(on_record, state)
    state.close()
    async with platform() as server, client_of(server) as client:
        async with uploading(client, tmp_path) as (uploader, _):
            await server.until(1)
        assert server.took[0][1]['logs'] == ['whole']
        assert uploader.dropped == 1


@run
async def test_logs_are_sent_again_once_a_disk_that_became_read_only_can_be_written(tmp_path):
    """And while it cannot, they go on by memory."""
    folder = tmp_path / 'state'
    folder.write_text('a file where the folder should be')
    async with platform() as server, client_of(server) as client:
        server.script = [500] * 3
        async with uploading(client, folder) as (uploader, _):
            uploader.put(LogUpdate('s', ['kept']))
            await server.until(1)
        assert server.took[0][1]['logs'] == ['kept']


@pytest.fixture
def bag(tmp_path):
    folder = tmp_path / 'bag_1'
    folder.mkdir()
    (folder / 'metadata.yaml').write_text('rosbag2_bagfile_information: {}')
    (folder / 'bag_1_0.mcap').write_bytes(bytes(range(256)) * 1000)
    (folder / 'bag_1_1.mcap').write_bytes(b'end')
    return folder


def test_a_bag_arrives_file_by_file_over_faults(bag):
    async def upload():
        async with platform() as server, client_of(server) as client:
            server.script = [500, 200, 'cut']
            await upload_rosbag(client, bag, 'r1', on_progress=progress.append, backoff=quick())
            return server.took

    progress = []
    took = asyncio.run(upload())
    assert [body['bag_file'][0] for _, body in took] == [
        'bag_1_0.mcap',
        'bag_1_1.mcap',
        'metadata.yaml',
    ]
    path, body = took[0]
    assert path == '/api/upload_rosbag/'
    assert body['bag_file'][1] == (bag / 'bag_1_0.mcap').read_bytes()
    assert (body['robot_id'], body['sensor_type']) == ('r1', 'rosbag')
    assert json.loads(body['data']) == {'bag': 'bag_1', 'file': 'bag_1_0.mcap', 'size': 256_000}
    total = 256_000 + 3 + len((bag / 'metadata.yaml').read_text())
    assert progress[-1] == Progress('metadata.yaml', total, total)


def test_files_that_arrived_are_not_sent_again(bag):
    async def upload(script):
        async with platform() as server, client_of(server) as client:
            server.script = script
            try:
                await upload_rosbag(client, bag, 'r1', backoff=quick())
            except RestError:
                pass
            return [body['bag_file'][0] for _, body in server.took]

    assert asyncio.run(upload([200, 413])) == ['bag_1_0.mcap']
    assert asyncio.run(upload([])) == ['bag_1_1.mcap', 'metadata.yaml']
    assert asyncio.run(upload([])) == []
    (bag / 'bag_1_1.mcap').write_bytes(b'changed')
    assert asyncio.run(upload([])) == ['bag_1_1.mcap']


def test_an_upload_keeps_its_rate(bag):
    async def upload():
        async with platform() as server, client_of(server) as client:
            await upload_rosbag(client, bag, 'r1', rate=1_000_000)

    begin = time.monotonic()
    asyncio.run(upload())
    assert time.monotonic() - begin > 0.2


METADATA = """rosbag2_bagfile_information:
  version: 9
  storage_identifier: mcap
  message_count: 5
  relative_file_paths:
    - bag_1_0.mcap
    - bag_1_1.mcap
  files:
    - path: bag_1_0.mcap
      message_count: 2
    - path: bag_1_1.mcap
      message_count: 3
  custom_data: ~
  ros_distro: jazzy
"""


OF_A_BAG = 'rosbag2_bagfile_information:\n  version: 4\n  relative_file_paths: '
NO_PATHS = ('~', '[]', '""', 'bag_1_0.mcap', '{bag_1_0.mcap: 1}', '5')


@pytest.mark.parametrize('end', range(0, METADATA.index('message_count: 3') + 14, 5))
def test_a_bag_whose_metadata_were_cut_short_is_not_uploaded_and_the_remedy_is_named(bag, end):
    (bag / 'metadata.yaml').write_text(METADATA[:end])
    with pytest.raises(NotABag, match=f'ros2 bag reindex {bag.name}'):
        check_metadata(bag)


@pytest.mark.parametrize(
    ('metadata', 'problem'),
    [
        (b'\xff\xfe', 'ros2 bag reindex'),
        (b'[' * 5000, 'ros2 bag reindex'),
        *((f'{OF_A_BAG}{paths}'.encode(), 'is not whole') for paths in NO_PATHS),
        (METADATA.replace('bag_1_1', 'lost').encode(), 'lost.mcap, which metadata.yaml names'),
    ],
)
def test_a_bag_whose_metadata_do_not_fit_is_not_uploaded(bag, metadata, problem):
    (bag / 'metadata.yaml').write_bytes(metadata)
    with pytest.raises(NotABag, match=problem):
        check_metadata(bag)


@pytest.mark.parametrize('metadata', [METADATA, METADATA[: METADATA.index('  custom_data')]])
def test_a_finished_bag_is_taken_for_one(bag, metadata):
    (bag / 'metadata.yaml').write_text(metadata)
    check_metadata(bag)


def test_a_bag_still_being_recorded_is_not_uploaded(bag):
    (bag / 'metadata.yaml').unlink()
    with pytest.raises(NotABag, match='still being recorded'):
        asyncio.run(upload_rosbag(RestClient('https://platform.example'), bag, 'r1'))
