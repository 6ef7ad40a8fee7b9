# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Do the adapters get on with strict fakes of their peers, over a real socket?"""

import asyncio

import aiohttp
from driver import Driver
from furhat import FakeFurhat
from general_bots import FakeGeneralBots
import pytest
from xparo_chatbot import FakeXparoChatbot
from xparo_dispatch import FakeXparoDispatch
from xrx import FakeXrx

from xparo_bridge import messages as msg
from xparo_bridge.link.protocols.furhat import Furhat
from xparo_bridge.link.protocols.general_bots import GeneralBots
from xparo_bridge.link.protocols.general_bots_meet import GeneralBotsMeet
from xparo_bridge.link.protocols.general_bots_source import GeneralBotsSource
from xparo_bridge.link.protocols.xparo_chatbot import XparoChatbot
from xparo_bridge.link.protocols.xparo_dispatch import XparoDispatch
from xparo_bridge.link.protocols.xrx import Xrx

HELLO = msg.ChatRequest('hi', 'robot_123')


def chatbot(fake, secret='SECRET'):
    return XparoChatbot(
        url=f'ws://127.0.0.1:{fake.port}/chatbot_api', secret_key=secret, project_id='PROJECT'
    )


def dispatch(fake, secret='SECRET', **options):
    return XparoDispatch(
        url=f'ws://127.0.0.1:{fake.port}/ws/chatbot_api',
        secret_key=secret,
        project_id='PROJECT',
        robot_id='robot_123',
        **options,
    )


def test_chatbot_answers_keeps_a_schedule_and_reports_its_settings():
    async def talk():
        async with FakeXparoChatbot() as fake, Driver(chatbot(fake)) as link:
            assert (await link.until(msg.ProjectState)).title == 'hello'
            await link.send(HELLO)
            assert (await link.until(msg.ChatReply)).text == 'hello'
            await link.send(
                msg.SaveAiml(
                    '<category><pattern>BYE</pattern><template>so long</template></category>'
                )
            )
            await link.send(msg.ChatRequest('bye', 'robot_123'))
            await link.until(msg.ChatReply, lambda reply: reply.text == 'so long')
            entries = {'dock': {'date': '2026-01-01', 'time': '08:00'}}
            await link.send(msg.SaveSchedule(entries))
            await link.send(msg.AskSchedule())
            assert (await link.until(msg.Schedule)).entries == entries
            await link.send(msg.DeleteSchedule())
            await link.send(msg.AskSchedule())
            await link.until(msg.Schedule, lambda schedule: not schedule.entries)
            await link.send(msg.SyncConfig())
            assert (await link.until(msg.ConfigChange)).values == {'xparo_name': 'hello'}
            assert fake.problems == []

    asyncio.run(talk())


def test_chatbot_refuses_a_wrong_secret_at_the_door():
    async def talk():
        async with FakeXparoChatbot() as fake:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
                async with Driver(chatbot(fake, 'WRONG')):
                    pass
            assert refusal.value.status == 403

    asyncio.run(talk())


def test_dispatch_uses_the_credential_it_was_given_and_falls_back_once_when_it_is_revoked():
    async def talk():
        async with FakeXparoDispatch() as fake:
            adapter = dispatch(fake)
            async with Driver(adapter) as link:
                await link.send(msg.RobotInfo({'hostname': 'r1', 'total_memory': 1 << 33}))
                assert (await link.until(msg.LinkCredential)).value == 'CREDENTIAL'
            async with Driver(adapter):
                pass
            fake.credential_good = False
            async with Driver(adapter):
                pass
            assert fake.dialled_with == ['SECRET', 'CREDENTIAL', 'CREDENTIAL', 'SECRET']

    asyncio.run(talk())


def test_dispatch_does_not_dial_on_with_a_secret_that_is_wrong():
    async def talk():
        async with FakeXparoDispatch() as fake:
            with pytest.raises(aiohttp.WSServerHandshakeError):
                async with Driver(dispatch(fake, 'WRONG', credential='OLD')):
                    pass
            assert fake.dialled_with == ['OLD', 'WRONG']

    asyncio.run(talk())


def test_dispatch_beats_and_logs_by_rest_and_fetches_there_while_the_socket_is_down():
    async def talk():
        async with FakeXparoDispatch() as fake, Driver(dispatch(fake)) as link:
            await link.on_time()
            assert fake.posted == [{'ROBOT_HEARTBEAT': {'device_id': 'robot_123'}}]
            await link.send(msg.LogUpdate(logs=['up'], created_at='2026-01-01T00:00:00'))
            session = await link.until(msg.LogSession)
            await link.send(msg.LogUpdate(session.session_id, ['on']))
            fake.waiting = {'RUN_COMMAND': {'command': 'dock', 'request_id': 'r1'}}
            await link.by_rest()
            command = await link.until(msg.RemoteCommand)
            assert command.command == 'dock'
            await link.by_rest(
                *link.adapter.encode(
                    msg.CommandStatus(command.command_id, 'dock', msg.CommandState.SUCCEEDED)
                )
            )
            assert fake.posted[-1]['COMMAND_RESULT']['success'] is True
            assert fake.problems == []

    asyncio.run(talk())


def test_dispatch_sends_nothing_the_service_would_choke_on():
    async def talk():
        async with FakeXparoDispatch() as fake, Driver(dispatch(fake)) as link:
            for message in (
                msg.RobotInfo({'hostname': 'r1'}),
                msg.BehaviorStatus(
                    'MainTree',
                    'running',
                    [{'name': 'drive', 'type': 'NavigateTo', 'uid': 3, 'status': 'RUNNING'}],
                ),
                msg.TaskHistory({}, {}, 'bt_task', '2026-01-01T00:00:00'),
                msg.TaskResult('t1', True, 1.0),
                msg.TeleopResult(True),
                msg.FileList([], '/files'),
                msg.DeleteResult('a'),
                msg.FileChunk(b'x'),
                msg.FileRequest('a', True, ready=True),
                msg.FileComplete(1, 1),
                msg.TransferError('gone'),
                HELLO,
            ):
                await link.send(message)
            await link.until(msg.ChatReply)
            assert fake.problems == []

    asyncio.run(talk())


@pytest.mark.parametrize('auth', ['query', 'message'])
def test_general_bots_streams_a_reply_and_calls_a_tool(auth):
    async def talk():
        async with FakeGeneralBots('t-1') as fake:
            url = f'ws://127.0.0.1:{fake.port}/ws'
            adapter = GeneralBots(url=url, secret_key='t-1', auth=auth)
            async with Driver(adapter) as link:
                await link.send(HELLO)
                assert (await link.until(msg.ChatReply)).text == 'You said: hi'
                deltas = [m.text for m in link.got if isinstance(m, msg.ChatDelta)]
                assert deltas == ['You ', 'said: ', 'hi', '']
                session = (await link.until(msg.ChatSession)).session_id
                await link.send(msg.ChatRequest('tool: dock', 'r'))
                call = await link.until(msg.RemoteCommand)
                await link.send(
                    msg.CommandStatus(
                        call.command_id, call.command, msg.CommandState.SUCCEEDED, result={'at': 1}
                    )
                )
                await fake.until(lambda: fake.tool_results)
                assert fake.tool_results[0]['session_id'] == session
            async with Driver(adapter):
                await fake.until(lambda: session in fake.subscribed)
            assert fake.problems == []

    asyncio.run(talk())


def test_general_bots_says_what_is_wrong_with_the_token_and_when_to_be_quiet():
    async def talk():
        async with FakeGeneralBots('t-1', limit=1) as fake:
            url = f'ws://127.0.0.1:{fake.port}/ws'
            async with Driver(GeneralBots(url=url, secret_key='wrong')) as link:
                error = await link.until(msg.PeerError)
                assert error.code is msg.PeerErrorCode.AUTH_FAILED
            clock = [0.0]
            adapter = GeneralBots(url=url, secret_key='t-1', clock=lambda: clock[0])
            async with Driver(adapter) as link:
                await link.send(HELLO)
                await link.send(HELLO)
                error = await link.until(msg.PeerError)
                assert error.code is msg.PeerErrorCode.RATE_LIMITED
                assert adapter.send_not_before() == 5.0

    asyncio.run(talk())


def test_general_bots_ends_a_stream_that_the_connection_cut_off():
    async def talk():
        async with FakeGeneralBots() as fake:
            url = f'ws://127.0.0.1:{fake.port}/ws'
            async with Driver(GeneralBots(url=url)) as link:
                await fake.until(lambda: fake.connections)
                await fake.connections[0].send_json({'type': 'stream_start', 'message_id': 'm'})
                await fake.drop()
                end = await link.until(msg.ChatDelta)
                assert end.final and end.error == 'the connection was lost'

    asyncio.run(talk())


def test_general_bots_speaks_the_dialect_of_the_source_too():
    async def talk():
        async with FakeGeneralBots() as fake:
            url = f'ws://127.0.0.1:{fake.port}/source/ws'
            async with Driver(GeneralBotsSource(url=url, bot='sales')) as link:
                await link.until(msg.ChatSession)
                await link.send(HELLO)
                assert (await link.until(msg.ChatReply)).text == 'You said: hi'
            assert fake.problems == []

    asyncio.run(talk())


def test_a_meeting_relays_signals_between_those_in_a_room():
    async def talk():
        async with FakeGeneralBots() as fake:
            url = f'ws://127.0.0.1:{fake.port}/ws/meet'
            async with Driver(GeneralBotsMeet(url=url)) as ann:
                await ann.send(msg.MeetJoin('room', 'Ann'))
                await fake.until(lambda: fake.received)
                async with Driver(GeneralBotsMeet(url=url)) as bo:
                    await bo.send(msg.MeetJoin('room', 'Bo'))
                    assert (await ann.until(msg.MeetJoin)).participant_name == 'Bo'
                    await ann.send(msg.MeetSignal('room', 'Bo', {'sdp': 'v=0'}))
                    assert (await bo.until(msg.MeetSignal)).signal == {'sdp': 'v=0'}
                    await bo.send(msg.MeetLeave('room'))
                    await ann.until(msg.MeetLeave)
            assert fake.problems == []

    asyncio.run(talk())


def test_xrx_hears_sound_of_any_rate_and_answers_in_text_and_speech():
    async def talk():
        async with FakeXrx('k-1') as fake:
            url = f'ws://127.0.0.1:{fake.port}/api/v1/ws'
            async with Driver(Xrx(url=url, secret_key='k-1')) as link:
                await link.until(msg.ChatReply, lambda r: r.text == 'Hello, how can I help you?')
                for _ in range(110):  # 1.1 s at 48 kHz, in pieces that are no frames
                    await link.send(msg.AudioFrame(bytes(960), 48000))
                assert (await link.until(msg.Heard)).text == 'go to the kitchen'
                speech = await link.until(msg.AudioFrame)
                assert speech.source is msg.AudioSource.VOICE and len(speech.data) == 4800
                await link.until(msg.SpeechDone)
                kinds = [type(message) for message in link.got]
                assert kinds.index(msg.ClearAudio) < kinds.index(msg.Heard)
                await link.send(msg.AgentAction('order', {'id': 5}))
                assert (await link.until(msg.Widget)).content['type'] == 'receipt'
                assert fake.actions == [{'tool': 'order', 'parameters': {'id': 5}}]
            assert fake.problems == []

    asyncio.run(talk())


def test_xrx_without_the_key_is_not_let_in():
    async def talk():
        async with FakeXrx('k-1') as fake:
            with pytest.raises(aiohttp.WSServerHandshakeError):
                async with Driver(Xrx(url=f'ws://127.0.0.1:{fake.port}/api/v1/ws')):
                    pass

    asyncio.run(talk())


def furhat(fake, **options):
    return Furhat(url=f'ws://127.0.0.1:{fake.port}/v1/events', **options)


def test_furhat_speaks_in_order_and_reports_each_word():
    async def talk():
        async with FakeFurhat('k') as fake, Driver(furhat(fake, secret_key='k')) as link:
            assert (await link.until(msg.Access)).scope == 'localhost'
            await link.send(msg.Say('one two', 's1', words=True))
            await link.send(msg.Say('three', 's2'))
            await link.until(msg.SpeechEnded, lambda end: end.say_id == 's2')
            assert [m.word for m in link.got if isinstance(m, msg.SpeechWord)] == ['one', 'two']
            assert fake.said == ['one two', 'three']
            assert link.adapter.deadline() is None

    asyncio.run(talk())


def test_furhat_is_interrupted():
    async def talk():
        async with FakeFurhat(pace=5.0) as fake, Driver(furhat(fake)) as link:
            await link.send(msg.Say('a very long story', 's1'))
            await link.until(msg.SpeechStarted)
            await link.send(msg.StopSpeech())
            assert (await link.until(msg.SpeechEnded)).aborted

    asyncio.run(talk())


def test_furhat_hears_a_person():
    async def talk():
        async with FakeFurhat() as fake, Driver(furhat(fake)) as link:
            await link.send(msg.Listen('l1', partial=True))
            await link.until(msg.Listening, lambda listening: listening.active)
            await fake.person_says('bring me some tea')
            await link.until(msg.Listening, lambda listening: not listening.active)
            heard = [(m.text, m.final) for m in link.got if isinstance(m, msg.Heard)]
            assert heard[0] == ('bring', False) and heard[-1] == ('bring me some tea', True)

    asyncio.run(talk())


def test_furhat_reports_that_the_key_is_wrong():
    async def talk():
        async with FakeFurhat('k') as fake, Driver(furhat(fake, secret_key='x')) as link:
            error = await link.until(msg.PeerError)
            assert error.code is msg.PeerErrorCode.AUTH_FAILED

    asyncio.run(talk())


def test_furhat_gets_nothing_it_would_choke_on():
    async def talk():
        async with FakeFurhat() as fake, Driver(furhat(fake)) as link:
            for message in (
                msg.ListenConfig(['en-US'], ['tea']),
                msg.ChooseVoice(name='Emma'),
                msg.AskVoices(),
                msg.AttendUser(),
                msg.AttendLocation(1.0, 0.0, 1.0),
                msg.AttendNobody(),
                msg.Gesture('Smile'),
                msg.Gesture('Nod', monitor=True),
                msg.FaceParams({'SMILE_OPEN': 0.5}),
                msg.HeadPose(0.1, 0.0, 0.0),
                msg.FaceConfig(visibility=False),
                msg.AskFace(),
                msg.ResetFace(),
                msg.Led('red'),
                msg.WatchUsers(msg.Watch.START),
                msg.WatchCamera(msg.Watch.ONCE),
                msg.CaptureAudio(24000),
                msg.PlayUrl('http://h/a.wav'),
                msg.SpeakAudio(16000),
                msg.AudioFrame(bytes(3200), 48000, msg.AudioSource.VOICE),
                msg.SpeakAudioEnd(),
                msg.StopListening(),
                msg.AskSystem(),
            ):
                await link.send(message)
            for kind in (
                msg.Voices,
                msg.Attention,
                msg.GestureState,
                msg.Faces,
                msg.Users,
                msg.CameraFrame,
                msg.AudioFrame,
                msg.AudioBuffer,
                msg.SystemState,
            ):
                await link.until(kind)
            assert len((await link.until(msg.AudioFrame)).data) == 2 * 24000 * 3 // 100
            for message in (
                msg.WatchUsers(msg.Watch.STOP),
                msg.StopAudio(),
                msg.WatchCamera(msg.Watch.STOP),
            ):
                await link.send(message)
            assert fake.problems == []

    asyncio.run(talk())
