"""A notebook in which exactly one exercise is wrong fails in exactly that one, however it is judged."""

import ast
from pathlib import Path

import nbformat
import numpy as np
import pytest
from answers import EXERCISES, LABS, WRONG
from nbval_runs import SIDE_BY_SIDE, failed_cells, nbval

import labkit
from labkit.books import notebook as books
from labkit.books import places
from labkit.books.graft import put_answers
from labkit.books.solutions import read_solutions

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
def failures(tmp_path_factory):
    """The cells that fail under nbval, by lab, in a notebook that answers every exercise rightly, then one at a time wrongly.

    After each wrong answer all the lab's checks are run: their ids begin with the number of the wrong one.
    """
    folder = tmp_path_factory.mktemp("one-wrong")
    for lab in LABS:
        right = answers_of(lab)
        whole = books.read(places.notebook_of(HOUSE, lab))
        plain = nbformat.v4.new_notebook(cells=[cell for cell in whole.cells if cell.id.startswith(("exercise-", "setup"))])
        plain = put_answers(plain, right, {})
        checks = [cell for cell in whole.cells if cell.id.startswith("check-")]
        plain.cells += copied(checks, "right")
        for number, name in enumerate(right, 1):
            plain.cells += [nbformat.v4.new_code_cell(WRONG[name].strip()), *copied(checks, f"wrong-{number}")]
            plain.cells.append(nbformat.v4.new_code_cell(right[name]))
        nbformat.write(plain, folder / f"{lab}.ipynb")
    return failed_cells(nbval(folder, "--nbval-lax", *SIDE_BY_SIDE))


def copied(cells: list, prefix: str) -> list:
    """Copies of cells, with ids that begin with `prefix`."""
    return [nbformat.from_dict({**cell, "id": f"{prefix}-{cell.id}"}) for cell in cells]


@pytest.mark.parametrize("lab", LABS)
def test_nbval_fails_in_the_wrong_one_alone(failures, lab):
    """And it passes where all are right."""
    assert failures[lab] == {f"wrong-{number}-check-{name}" for number, name in enumerate(answers_of(lab), 1)}
