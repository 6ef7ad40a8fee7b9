# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
"""Is a parameter said to be set only if the node has the value, whatever the node answers."""

from __future__ import annotations

import pytest
from rcl_interfaces.msg import ParameterValue, SetParametersResult
from rcl_interfaces.srv import GetParameters, GetParameterTypes, ListParameters, SetParameters
import rclpy

from xparo_bridge.messages import CommandState
from xparo_bridge.robot.platform_data.project_parameters import ProjectParameters

NAME = 'FollowPath.vx_max'
COMMANDS = {
    'set': {
        'kind': 'set_parameter',
        'allowed': {
            'speed': {'node': '/odd', 'parameter': NAME, 'value': {'type': 'number'}},
        },
    }
}
TAKEN = [SetParametersResult(successful=True)]
HALF = [ParameterValue(type=3, double_value=0.5)]
# What a node answers to set, get and list (None: it has no such service); the code, and words.
ODD = {
    'no result': ([], HALF, [NAME], 'no_answer', '0 answers'),
    'two results': (TAKEN * 2, HALF, [NAME], 'no_answer', '2 answers'),
    'no reason': ([SetParametersResult()], HALF, [NAME], 'refused', 'refused the value'),
    'a reason': (
        [SetParametersResult(reason='Invalid access to undeclared parameter(s): []')],
        None,
        None,
        'refused',
        'undeclared',
    ),
    'no value': (TAKEN, [], [NAME], 'not_confirmed', '0 answers'),
    'two values': (TAKEN, HALF * 2, None, 'not_confirmed', '2 answers'),
    'another value': (
        TAKEN,
        [ParameterValue(type=3, double_value=0.3)],
        [NAME],
        'no_effect',
        'took 0.5, but has 0.3 now',
    ),
    'another type': (
        TAKEN,
        [ParameterValue(type=4, string_value='0.5')],
        None,
        'no_effect',
        'has 0.5 now',
    ),
    'a list': (
        TAKEN,
        [ParameterValue(type=8, double_array_value=[0.5])],
        None,
        'no_effect',
        'has [0.5] now',
    ),
    'none set': (TAKEN, [ParameterValue()], [NAME], 'no_effect', 'has none now'),
    'not declared': (
        TAKEN,
        HALF,
        ['FollowPath.vx_min', 'use_sim_time'],
        'unknown_parameter',
        'did you mean FollowPath.vx_min',
    ),
}
odd = pytest.mark.parametrize(
    ('results', 'values', 'names', 'code', 'words'), ODD.values(), ids=ODD.keys()
)


def serve(node, results, values, names):
    """Answer for the parameters of a node `odd`."""

    def answer(part, value):
        def respond(request, response):
            owner = response.result if part == 'names' else response
            setattr(owner, part, value)
            return response

        return respond

    node.create_service(GetParameterTypes, '/odd/get_parameter_types', answer('types', [3]))
    node.create_service(SetParameters, '/odd/set_parameters', answer('results', results))
    if values is not None:
        node.create_service(GetParameters, '/odd/get_parameters', answer('values', values))
    if names is not None:
        node.create_service(ListParameters, '/odd/list_parameters', answer('names', names))


def ready(at, node_parameters):
    """Wait until what the node serves is seen."""
    at.until(lambda: node_parameters.ready)
    for client, name in ((node_parameters.getter, 'get'), (node_parameters.lister, 'list')):
        if at.graph.node.count_services(f'/odd/{name}_parameters'):
            at.until(client.service_is_ready)


@odd
def test_a_command_fails_with_words_where_the_node_answers_oddly(
    station, results, values, names, code, words
):
    at = station(COMMANDS)
    serve(at.graph.node, results, values, names)
    ready(at, at.router.kinds['set']._nodes['/odd'])
    end = at.end(at.send('set', name='speed', value=0.5))
    assert (end.state, end.error['code']) == (CommandState.FAILED, code)
    assert end.error['message'].startswith(f'{NAME} of /odd: ')
    assert words in end.error['message']


@odd
def test_a_setting_of_the_platform_is_logged_where_the_node_answers_oddly(
    station, capfd, results, values, names, code, words
):
    at = station({})
    serve(at.graph.node, results, values, names)
    project = ProjectParameters(at.graph.node, {'max_speed': {'node': '/odd', 'parameter': NAME}})
    ready(at, project._clients_of('/odd')[1])
    project.change({'max_speed': 0.5})
    said = []

    def logged():
        said.append(capfd.readouterr().err)
        return f'max_speed: {code}: {NAME} of /odd: ' in ''.join(said)

    at.until(logged)
    assert words in ''.join(said)


@pytest.mark.parametrize(
    ('values', 'names'), [(HALF, [NAME]), (None, None), (HALF, None), (HALF, [])]
)
def test_it_succeeds_where_the_node_has_the_value_or_cannot_say(station, values, names):
    at = station(COMMANDS)
    serve(at.graph.node, TAKEN, values, names)
    ready(at, at.router.kinds['set']._nodes['/odd'])
    end = at.end(at.send('set', name='speed', value=0.5))
    assert (end.state, end.result) == (
        CommandState.SUCCEEDED,
        {'name': 'speed', 'value': 0.5},
    )


def test_a_node_that_allows_undeclared_parameters_gets_none_by_a_misspelt_name(station):
    at = station(COMMANDS)
    other = rclpy.create_node(
        'odd', context=at.graph.node.context, allow_undeclared_parameters=True
    )
    at.graph.node.executor.add_node(other)
    other.declare_parameter('FollowPath.desired_linear_vel', 0.5)
    ready(at, at.router.kinds['set']._nodes['/odd'])
    error = at.end(at.send('set', name='speed', value=0.5)).error
    assert error['code'] == 'unknown_parameter'
    assert not other.has_parameter(NAME)
    other.destroy_node()
