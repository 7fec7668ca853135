"""A notebook in which exactly one exercise is wrong fails in exactly that one, however it is judged."""

import ast
from pathlib import Path

import nbformat
import numpy as np
import pytest
from answers import EXERCISES, LABS, WRONG
from nbval_runs import failed_cells, nbval

import labkit
from labkit.books import notebook as books
from labkit.books import places
from labkit.books.graft import put_answers
from labkit.books.solutions import read_solutions
from labkit.grading.nbval import Tester

HOUSE = Path(__file__).resolve().parent.parent

each_exercise = pytest.mark.parametrize("name", [one.name for one in EXERCISES])


def answers_of(lab: str) -> dict[str, str]:
    """Right answers to all exercises of a lab."""
    source, _ = places.solution_paths(HOUSE, places.notebook_of(HOUSE, lab))
    return read_solutions(source).functions


@pytest.mark.parametrize("lab", LABS)
def test_solutions_stand_alone(lab):
    """A solution that called another would fail with it, and two exercises would be lost for one mistake."""
    solutions = answers_of(lab)
    for name, source in solutions.items():
        used = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
        assert not used & (solutions.keys() - {name})


def defined(source: str, name: str):
    namespace = {"np": np}
    exec(source, namespace)
    return namespace[name]


@each_exercise
def test_examine_finds_the_wrong_one_and_names_it(name):
    """The solution passes. (Beside a wrong one, the others are tried under nbval, below.)"""
    wrong = labkit.examine(name, defined(WRONG[name], name))
    assert not wrong.passed and wrong.score == 0 and wrong.mistake is not None
    lab = next(one.lab for one in EXERCISES if one.name == name)
    assert labkit.examine(name, defined(answers_of(lab)[name], name)).passed


@pytest.fixture(scope="module")
def failures():
    """The cells that fail under nbval, by lab, in a notebook that is untouched, then right, then wrong one at a time.

    First stands the notebook as the student gets it; then all exercises are answered rightly, then one at a time
    wrongly. After each step all the lab's checks are run: their ids begin with the number of the wrong one.
    """
    failed = {}
    with Tester(level="none") as warm:
        for lab in LABS:
            book = tried(lab)
            cells, why = warm.run(book)
            assert not why
            ids = [cell.id for cell in book.cells if cell.cell_type == "code"]
            failed[lab] = {name for name, cell in zip(ids, cells, strict=True) if cell.outcome != "passed"}
    return failed


def tried(lab: str):
    """The notebook of a lab as `failures` tells."""
    right = answers_of(lab)
    book = books.read(places.notebook_of(HOUSE, lab))
    stubs = [cell for cell in book.cells if cell.id.startswith("exercise-")]
    checks = [cell for cell in book.cells if cell.id.startswith("check-")]
    answered = put_answers(nbformat.v4.new_notebook(cells=stubs), right, {}).cells
    book.cells += [*copied(answered, "right"), *copied(checks, "right")]
    for number, name in enumerate(right, 1):
        book.cells += [nbformat.v4.new_code_cell(WRONG[name].strip()), *copied(checks, f"wrong-{number}")]
        book.cells.append(nbformat.v4.new_code_cell(right[name]))
    return book


def copied(cells: list, prefix: str) -> list:
    """Copies of cells, with ids that begin with `prefix`."""
    return [nbformat.from_dict({**cell, "id": f"{prefix}-{cell.id}"}) for cell in cells]


@pytest.mark.parametrize("lab", LABS)
def test_nbval_fails_in_what_is_not_right_alone(failures, lab):
    """An untouched notebook earns nothing, and nothing but its checks fails. Where all are right nothing fails, then
    the wrong one alone."""
    untouched = {f"check-{name}" for name in answers_of(lab)}
    wrong = {f"wrong-{number}-check-{name}" for number, name in enumerate(answers_of(lab), 1)}
    assert failures[lab] == untouched | wrong


def test_nbval_alone_makes_the_checks_strict(tmp_path):
    """Without any setting of ours, in an ordinary kernel."""
    book = books.read(places.notebook_of(HOUSE, "lab00"))
    nbformat.write(book, tmp_path / "lab00.ipynb")
    assert failed_cells(nbval(tmp_path, "--nbval-lax"))["lab00"] == {f"check-{name}" for name in answers_of("lab00")}
