"""A student's own code in the course's notebook: what goes where, and what is the course's."""

import argparse
import json
import os
import subprocess
import sys
import time

import nbformat
import pytest
from small_course import by_id, code, make_course, notebook, prose, stub
from submissions import HOUSE

from labkit import asked
from labkit.books import notebook as books
from labkit.books.tidy import tidy
from labkit.errors import CommandError
from labkit.grading import answers, commands, grafting

NAMES = ("output_size", "same_padding", "zero_pad")
EXERCISES = [one for one in asked.exercises() if one.lab == "lab02" and one.name in NAMES]
PRISTINE = tidy(
    notebook(
        prose("# A small lab"),
        code("import numpy as np\ngiven_before = 1"),
        *(cell for name in NAMES for cell in (code(stub(name)), code(f"check({name})"))),
        prose("*Write here.*", labkit={"answer": "lab02-prediction"}),
        code("given_after = 2"),
    ),
    "lab02",
)
ONE, TWO, THREE = (f"def {name}():\n    return {number}" for number, name in enumerate(NAMES, 1))


def graft(*cells, prose={}):
    return grafting.grafted(PRISTINE, list(cells), EXERCISES, prose)


def order(book):
    """The code from the top, stubs and checks shortened, the course's two other cells left out."""
    return [
        "stub" if "NotImplementedError" in cell.source else cell.source
        for cell in book.cells
        if cell.cell_type == "code" and "given_" not in cell.source.split(" = ")[0]
    ]


def checks(number):
    return f"check({NAMES[number - 1]})"


def run(book):
    """What stands under each exercise's name when its check comes, called; an error where there is one."""
    space, found = {}, {}

    def check(function):
        found[function.__name__] = function()

    space["check"] = check
    for cell in book.cells:
        if cell.cell_type == "code":
            exec(cell.source, space)
    return found


def test_answers_stand_in_their_places_and_all_else_is_the_courses_own():
    book = graft(ONE, TWO, THREE)
    assert order(book) == [ONE, checks(1), TWO, checks(2), THREE, checks(3)]
    for cell, was in zip(book.cells, PRISTINE.cells, strict=True):
        assert cell | {"source": ""} == was | {"source": ""}
        if not books.exercise_of(cell):
            assert cell == was
    assert {key: book[key] for key in book if key != "cells"} == {k: PRISTINE[k] for k in PRISTINE if k != "cells"}


def test_without_answers_it_is_the_courses_notebook():
    assert books.text(graft()) == books.text(PRISTINE)


def test_helpers_stand_before_the_exercise_they_stood_before():
    book = graft("a = 1", ONE, "b = a + 1", "c = 3", THREE, "d = given_after")
    last = ["b = a + 1", "c = 3", THREE, checks(3), "d = given_after"]
    assert order(book) == ["a = 1", ONE, checks(1), "stub", checks(2), *last]
    assert book.cells[-1].source == "d = given_after"
    assert [cell.id for cell in book.cells if cell.id.startswith("student")] == [f"student-{n}" for n in (1, 3, 4, 6)]
    assert all(cell.metadata == {} and not cell.outputs for cell in book.cells if cell.id.startswith("student"))


BINDINGS = {
    "def": ONE,
    "class": "class output_size:\n    pass",
    "lambda": "output_size = lambda: 1",
    "partial": "from functools import partial\noutput_size = partial(int, 1)",
    "tuple": "output_size, other = (lambda: 1), 2",
    "annotated": "output_size: object = lambda: 1",
    "import": "from math import floor as output_size",
    "in an if": "if True:\n    def output_size():\n        return 1",
    "in a try": "try:\n    output_size = fast\nexcept NameError:\n    output_size = lambda: 1",
    "decorated": "def as_it_is(f):\n    return f\n\n@as_it_is\ndef output_size():\n    return 1",
    "async": "async def output_size():\n    return 1",
    "global in a function": "def make():\n    global output_size\n    output_size = lambda: 1\nmake()",
}


@pytest.mark.parametrize("source", BINDINGS.values(), ids=BINDINGS)
def test_any_binding_at_the_top_level_is_an_answer(source):
    assert order(graft("x = 1", source))[:3] == ["x = 1", source, checks(1)]


def test_a_name_within_a_function_is_no_answer():
    inside = "def mine(output_size):\n    zero_pad = output_size\n    return zero_pad"
    assert order(graft(inside)) == ["stub", checks(1), "stub", checks(2), "stub", checks(3), inside]


def test_the_last_definition_counts_wherever_it_stands():
    old, new = "def output_size():\n    return 'old'", "output_size = lambda: 'new'"
    book = graft(old, TWO, THREE, "x = given_after", new)
    assert order(book)[:3] == [old, new, checks(1)]
    assert book.cells[-1].source == "x = given_after"


def test_an_older_definition_in_a_cell_of_another_answer_undoes_nothing():
    both = f"{ONE}\n\n\n{THREE}"
    new = "def output_size():\n    return 'new'"
    book = graft(both, new, TWO)
    assert run(book) == {"output_size": "new", "same_padding": 2, "zero_pad": 3}
    assert order(book)[:3] == [both, new, checks(1)]


def test_one_cell_with_several_answers_stands_in_the_first_ones_place():
    all_of_them = f"{THREE}\n\n\n{ONE}\n\n\n{TWO}"
    book = graft(all_of_them)
    comment = [grafting.ELSEWHERE.format(name=name) for name in NAMES]
    assert order(book) == [all_of_them, checks(1), comment[1], checks(2), comment[2], checks(3)]
    assert run(book) == {"output_size": 1, "same_padding": 2, "zero_pad": 3}
    assert by_id(book, "exercise-zero_pad").metadata == by_id(PRISTINE, "exercise-zero_pad").metadata


def test_answers_out_of_order_are_there_when_they_are_needed():
    uses = "def same_padding():\n    return zero_pad() + helper() + 1"
    book = graft(THREE, "unused = given_after", ONE, uses, "def helper():\n    return constant", "constant = 10")
    assert run(book) == {"output_size": 1, "same_padding": 14, "zero_pad": 3}
    assert order(book)[-1] == "unused = given_after"


def test_only_what_is_missed_moves():
    late = "def output_size():\n    return helper()"
    book = graft("def helper():\n    return 5", "experiment = given_before", TWO, THREE, "more = given_after", late)
    assert run(book)["output_size"] == 5
    sources = order(book)
    assert sources.index("experiment = given_before") > sources.index(checks(1))
    assert sources[-1] == "more = given_after"


def test_what_the_course_gives_is_not_moved_for():
    book = graft("x = np.ones(1)", TWO, "import numpy as np")
    assert book.cells[-1].source == "import numpy as np"


def test_a_cell_that_is_no_python_shows_in_its_place_unless_another_defines_it():
    slip = "def output_size(\n    return 1"
    assert order(graft(TWO, slip))[:2] == [slip, checks(1)]
    assert order(graft(ONE, TWO, slip))[:2] == [ONE, checks(1)]
    said = '"""\ndef output_size(): no\n"""'
    assert order(graft(said))[0] == "stub"


def test_prose_goes_along_if_asked_for():
    kept = by_id(graft(), "answer-lab02-prediction").source
    assert kept == "*Write here.*"
    book = graft(prose={"lab02-prediction": "Zeros.", "lab02-unknown": "…"})
    assert by_id(book, "answer-lab02-prediction").source == "Zeros."


def test_the_result_is_a_valid_notebook_and_always_the_same():
    cells = ["b = 1", ONE, "c = 1", THREE, "d = c"]
    nbformat.validate(graft(*cells))
    assert books.text(graft(*cells)) == books.text(graft(*cells))
    script = (
        "import sys; sys.path.insert(0, 'tests'); import test_grafting as t; from labkit.books import notebook;"
        f"print(notebook.text(t.graft(*{cells!r})), end='')"
    )
    environment = os.environ | {"PYTHONHASHSEED": "1", "PYTHONPATH": str(HOUSE)}  # sets come in another order
    done = subprocess.run([sys.executable, "-c", script], cwd=HOUSE, env=environment, capture_output=True, text=True)
    assert done.stdout == books.text(graft(*cells)), done.stderr


def test_so_many_cells_take_no_time_that_grows_with_their_square():
    names = [grafting.names_of(source) for source in ("x", "x = 1", ONE)]
    names = names[:1] * 30_000 + names[1:2] * 30_000 + names[2:]
    before = time.process_time()
    home = grafting.homes(names, {"output_size": 60_000}, {"output_size": 2}, {}, 9)
    assert time.process_time() - before < 20
    assert set(home) == {2}


def test_the_solutions_of_every_lab_graft_as_they_are_solved():
    for path in sorted((HOUSE / "solutions").glob("lab*.ipynb")):
        pristine, solved = books.read(HOUSE / "notebooks" / path.name), books.read(path)
        lab = path.name[:5]
        exercises = [one for one in asked.exercises() if one.lab == lab]
        own = answers.own(
            [cell.source for cell in solved.cells if cell.cell_type == "code"],
            answers.given(HOUSE / "notebooks" / path.name),
            exercises,
        )
        book = grafting.grafted(pristine, own.cells, exercises)
        found = [(cell.id, cell.source) for cell in book.cells if cell.cell_type == "code"]
        assert found == [(cell.id, cell.source) for cell in solved.cells if cell.cell_type == "code"], lab


def test_the_command_writes_a_notebook_for_each_student(tmp_path, capsys):
    course = make_course(tmp_path / "course", PRISTINE)
    handed = graft("helper = 1", ONE, THREE)
    handed.cells[0].metadata["tags"] = ["mine"]
    by_id(handed, "check-zero_pad").source = "print('right')"
    by_id(handed, "exercise-output_size").outputs = [nbformat.v4.new_output("stream", text="50 of 50 points")]
    for student in ("ana", "ben", "=cmd"):
        (tmp_path / "in" / student).mkdir(parents=True)
    (tmp_path / "in/ana/lab02.ipynb").write_text(json.dumps(handed))
    (tmp_path / "in/ben/lab02.ipynb").write_text("no notebook")
    (tmp_path / "in/=cmd/any name.ipynb").write_text(json.dumps(PRISTINE))
    args = argparse.Namespace(submissions=tmp_path / "in", out=tmp_path / "out", course=course, labs=None)
    assert commands.graft(args) == 0
    written = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.ipynb")}
    assert len(written) == 2 and "ana/lab02_small.ipynb" in written
    book = books.read(tmp_path / "out/ana/lab02_small.ipynb")
    assert "print('right')" in [cell.source for cell in book.cells]  # as a cell of theirs
    assert by_id(book, "check-zero_pad") == by_id(PRISTINE, "check-zero_pad")
    assert "50 of 50" not in books.text(book) and "mine" not in books.text(book)
    said = capsys.readouterr().out
    assert "2 notebooks" in said and "ben: lab02.ipynb is no notebook" in said
    with pytest.raises(CommandError, match="is not empty"):
        commands.graft(args)
