"""The parts of `labkit grade` that need no process: messages, what is believed of them, reading code."""

import json
import time

import numpy as np
import pytest
from kinds import KINDS
from submissions import EXERCISES, IMPORT_OF_SETUP, NAMES, PATH, PLAIN, SETUP, STUBS

from labkit import asked
from labkit.checks.judging import Standard, judge
from labkit.checks.running import run
from labkit.grading import answers, wire
from labkit.grading import judge as judging
from labkit.grading.child import as_cases, packed
from labkit.references import reference

# What comes back ----------------------------------------------------------------------------------


def received(value):
    (value,) = wire.Inbox().feed(wire.encode(value))
    return value


ROUND = {
    "none": None,
    "bool": True,
    "int": 2**70,
    "float": 0.1,
    "inf": float("inf"),
    "text": "é\ud800",
    "list": [1, (2, [3])],
    "tuple": (),
    "dict": {"array": {"dict": 1}},
    "float32": np.arange(6, dtype="f4").reshape(2, 3),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "bool array": np.array([True, False]),
    "empty": np.zeros((0, 3)),
    "zero axes": np.array(1.5),
    "scalar": np.float32(2),
    "view": np.arange(10)[::2],
    "long": np.array([1], np.longdouble),
    "complex": np.array([1j]),
    "big-endian": np.arange(3, dtype=">i4"),
}


@pytest.mark.parametrize("name", ROUND)
def test_values_come_through_as_they_were(name):
    value, came = ROUND[name], received({"x": ROUND[name]})["x"]
    assert type(came) is type(value)
    if isinstance(value, np.ndarray):
        assert came.dtype == value.dtype and came.shape == value.shape
        assert came.flags.f_contiguous or not value.flags.f_contiguous
        assert came.flags.writeable
    assert np.array_equal(came, value) if isinstance(value, np.ndarray) else came == value


@pytest.mark.parametrize("value", [np.array([object()]), np.array(["a"]), np.array(0, "M8[s]"), print, {1: 2}, b"x"])
def test_what_cannot_be_sent_is_refused(value):
    with pytest.raises(TypeError):
        wire.encode(value)


def message(text, raw=b"", lengths=None):
    text = text if isinstance(text, bytes) else json.dumps(text).encode()
    return wire.LENGTHS.pack(*(lengths or (len(text), len(raw)))) + text + raw


ARRAY = {"array": 0}
BAD_MESSAGES = {
    "too long": message(b"", lengths=(10, 2**40)),
    "too much text": message(b"", lengths=(2**31, 0)),
    "not json": message(b"{"),
    "deep": message(b"[" * 100_000),
    "not utf-8": message(b"\xff\xfe\xfa"),
    "no value": message({"arrays": []}),
    "bare list": message({"arrays": [], "value": [1]}),
    "unknown kind": message({"arrays": [], "value": {"pickle": "x"}}),
    "two kinds": message({"arrays": [], "value": {"list": [], "tuple": []}}),
    "missing array": message({"arrays": [], "value": ARRAY}),
    "negative array": message({"arrays": [["<f8", [1], "C"]], "value": {"array": -1}}, bytes(8)),
    "objects": message({"arrays": [["|O", [1], "C"]], "value": ARRAY}, bytes(8)),
    "text array": message({"arrays": [["<U2", [1], "C"]], "value": ARRAY}, bytes(8)),
    "fields": message({"arrays": [["f8,f8", [1], "C"]], "value": ARRAY}, bytes(16)),
    "no such size": message({"arrays": [["<f3", [1], "C"]], "value": ARRAY}, bytes(3)),
    "shape too large": message({"arrays": [["<f8", [10**13], "C"]], "value": ARRAY}, bytes(8)),
    "negative shape": message({"arrays": [["<f8", [-1, -8], "C"]], "value": ARRAY}, bytes(64)),
    "float shape": message({"arrays": [["<f8", [1.0], "C"]], "value": ARRAY}, bytes(8)),
    "shape of booleans": message({"arrays": [["<f8", [True], "C"]], "value": ARRAY}, bytes(8)),
    "shape is no list": message({"arrays": [["<f8", 1, "C"]], "value": ARRAY}, bytes(8)),
    "absurd but empty": message({"arrays": [["<f8", [0, 2**62, 2**62], "C"]], "value": ARRAY}),
    "too many axes": message({"arrays": [["<f8", [1] * 40, "C"]], "value": ARRAY}, bytes(8)),
    "left over": message({"arrays": [["<f8", [1], "C"]], "value": ARRAY}, bytes(9)),
    "too short": message({"arrays": [["<f8", [2], "C"]], "value": ARRAY}, bytes(8)),
    "order": message({"arrays": [["<f8", [1], "A"]], "value": ARRAY}, bytes(8)),
}


@pytest.mark.parametrize("name", BAD_MESSAGES)
def test_nonsense_is_malformed_whatever_it_is(name):
    with pytest.raises(wire.Malformed):
        list(wire.Inbox().feed(BAD_MESSAGES[name]))


def test_what_came_before_a_malformed_message_still_counts():
    """A child may write both in one breath: its own words, then what the student's code wrote to the pipe."""
    came = wire.Inbox().feed(wire.encode({"loaded": []}) + b"{}" * 500)
    assert next(came) == {"loaded": []}
    with pytest.raises(wire.Malformed):
        next(came)


def test_messages_come_in_any_pieces():
    inbox, data = wire.Inbox(), wire.encode({"x": np.arange(3)}) + wire.encode("y")
    came = [value for byte in data for value in inbox.feed(bytes([byte]))]
    assert came[0]["x"].tolist() == [0, 1, 2] and came[1] == "y"


def question(name):
    return judging.question(asked.exercise(name), b"secret")


def test_nothing_of_the_secret_is_sent():
    secret = bytes(range(32))
    job = wire.encode(judging.question(asked.exercise("corr2d"), secret).task)
    assert secret not in job and secret.hex().encode() not in job


def in_one_case(**changed):
    """A lie in one of the cases."""
    return lambda came: came | {"0": came["0"] | changed}


LIES = {
    "no dict": lambda came: [],
    "a case is missing": lambda came: dict(list(came.items())[1:]),
    "a case too many": lambda came: came | {"x": came["0"]},
    "no outcome": lambda came: came | {"0": 3},
    "a part is missing": lambda came: came | {"0": {"outputs": None}},
    "a part too many": in_one_case(points=10),
    "right without results": in_one_case(outputs=None),
    "unknown fault": in_one_case(fault="none of it"),
    "results that are no arrays": in_one_case(outputs={"out": [1.0]}),
    "results that are no dict": in_one_case(outputs=np.ones(3)),
    "too many results": in_one_case(outputs={str(i): np.array(1) for i in range(2000)}),
    "inputs not told": in_one_case(after={}),
    "long text": in_one_case(detail="x" * 10_000),
    "text that is none": in_one_case(error=5),
    "many lines": in_one_case(warned=["x"] * 1000),
}


def over_the_wire(exercise, answer, cases):
    """What comes back from the process that runs answers: there cases have numbers, and should raise nothing."""
    return received(packed(run(exercise, answer, as_cases(received(judging.sent(cases))))))


@pytest.mark.parametrize("lie", LIES)
def test_outcomes_that_run_cannot_make_are_not_believed(lie):
    one = question("corr2d")
    came = over_the_wire(one.exercise, lambda image, kernel: image * 1, one.cases)
    assert judging.believed(came, one.cases, one.exercise)
    with pytest.raises(judging.Malformed):
        judging.believed(LIES[lie](came), one.cases, one.exercise)


@pytest.mark.parametrize("name", NAMES)
def test_a_report_that_came_over_the_wire_is_the_checks_own(name):
    """For the right answer and three known mistakes."""
    one = question(name)
    true = reference(one.exercise)
    for answer in (true.answer, *(mistake.answers[0] for mistake in true.mistakes[:3])):
        first = [run(one.exercise, answer, cases) for cases in (one.cases, one.small)]
        came = [
            judging.believed(over_the_wire(one.exercise, answer, cases), cases, one.exercise)
            for cases in (one.cases, one.small)
        ]
        direct, over = (judging.judged(one, cases, small) for cases, small in (first, came))
        assert str(direct) == str(over)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_exercise_comes_over_the_wire(kind):
    exercise, true = KINDS[kind]
    cases = exercise.inputs(np.random.default_rng(1))
    full, small = Standard(exercise, true, cases), Standard(exercise, true, {})
    sent = received(judging.sent(cases))
    assert list(sent) == [str(number) for number in range(len(cases))]
    for answer in (true.answer, true.mistakes[0].answers[0]):
        direct = run(exercise, answer, cases)
        came = judging.believed(over_the_wire(exercise, answer, cases), cases, exercise)
        reports = [judge(full, outcome, small, {}) for outcome in (direct, came)]
        assert str(reports[0]) == str(reports[1]) and reports[1].passed == (answer is true.answer)


# Reading code -------------------------------------------------------------------------------------

GIVEN = answers.given(PATH)


def own(*sources):
    return answers.own(sources, GIVEN, EXERCISES)


def test_given_cells_and_stubs_are_not_the_students_own():
    assert own(*(cell.source for cell in PLAIN.cells if cell.cell_type == "code")) == answers.Own([], frozenset(NAMES))


def test_white_space_and_newlines_do_not_make_a_given_cell_the_students_own():
    assert own(SETUP.replace("\n", "   \n") + "\n\n").cells == []
    assert own(SETUP + "\nx = 1").cells != []


def test_lines_stay_where_they_were():
    stub = STUBS["corr2d"]
    found = own(f"a = 1\n{stub}\nb = 2")
    assert found.stubs == {"corr2d"} and "NotImplementedError" not in found.cells[0]
    assert found.cells[0].split("\n")[len(stub.split("\n")) + 1] == "b = 2"


def test_a_stub_of_another_function_or_with_code_in_it_is_run():
    mine = 'def corr2d(image, kernel):\n    x = 1\n    raise NotImplementedError("Lab 2: corr2d")'
    other = 'def something(x):\n    raise NotImplementedError("later")'
    assert own(mine, other) == answers.Own([mine, other], frozenset())


def test_labkit_is_imported_by_the_setup_cell_alone():
    assert own(f"{IMPORT_OF_SETUP}\nx = 1").cells == ["\nx = 1"]
    assert own("from labkit import examine").cells == ["from labkit import examine"]
    assert own(f"x = 1; {IMPORT_OF_SETUP}").cells == [f"x = 1; {IMPORT_OF_SETUP}"]


def test_so_many_magics_that_reading_them_takes_minutes_are_left_alone():
    begun = time.monotonic()
    many = "!ls\n" * 5000
    assert own(many).cells == [many]
    assert time.monotonic() - begun < 5


