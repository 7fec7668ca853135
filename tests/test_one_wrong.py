"""A notebook in which exactly one exercise is wrong fails in exactly that one, however it is judged."""

import ast
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbval_runs import failed_cells, nbval

import labkit
from labkit.books import notebook as books
from labkit.books import places
from labkit.books.graft import put_answers
from labkit.books.solutions import read_solutions

HOUSE = Path(__file__).resolve().parent.parent

# One plausible wrong answer for each exercise, in plain NumPy.
WRONG = {
    "output_size": """
def output_size(size, kernel, stride=1, padding=0):
    if kernel > size + 2 * padding:
        raise ValueError("too large")
    return (size + 2 * padding - kernel) // stride
""",
    "same_padding": """
def same_padding(kernel):
    return kernel // 2
""",
    "zero_pad": """
def zero_pad(x, padding):
    return np.pad(x, padding)
""",
    "conv1d_forward": """
def conv1d_forward(x, w, stride=1, padding=0):
    row = np.pad(x, padding)
    if len(w) > len(row):
        raise ValueError("too large")
    return np.convolve(row, w, "valid")[::stride]
""",
    "corr2d": """
def corr2d(image, kernel):
    size = image.shape[0] - kernel.shape[0] + 1
    if size < 1 or image.shape[1] < kernel.shape[1]:
        raise ValueError("too large")
    out = np.zeros((size, size), image.dtype)
    for i in range(size):
        for j in range(size):
            out[i, j] = np.sum(image[i : i + kernel.shape[0], j : j + kernel.shape[1]] * kernel)
    return out
""",
    "conv2d_forward": """
def conv2d_forward(x, w, b=None, stride=1, padding=0):
    x = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    if w.shape[2] > x.shape[2] or w.shape[3] > x.shape[3]:
        raise ValueError("too large")
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], (2, 3))[:, :, ::stride, ::stride]
    out = np.einsum("nchwij,fcij->nfhw", windows, w[:, :, ::-1, ::-1])
    return out if b is None else out + b[:, None, None]
""",
}

EXERCISES = labkit.exercises()
LABS = list(dict.fromkeys(one.lab for one in EXERCISES))
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


def test_there_is_a_wrong_answer_for_every_exercise():
    assert set(WRONG) == {one.name for one in EXERCISES}


@each_exercise
def test_examine_finds_the_wrong_one_and_names_it(name):
    """Beside it, every right answer of the lab passes."""
    wrong = labkit.examine(name, defined(WRONG[name], name))
    assert not wrong.passed and wrong.score == 0 and wrong.mistake is not None
    lab = next(one.lab for one in EXERCISES if one.name == name)
    right = {other: source for other, source in answers_of(lab).items() if other != name}
    assert all(labkit.examine(other, defined(source, other)).passed for other, source in right.items())


@pytest.fixture(scope="module")
def failures(tmp_path_factory):
    """What fails in one notebook for each exercise, answered wrongly there, and in one that is all right.

    Kept are the exercises, their checks and the cells that import; all are run in one go.
    """
    folder = tmp_path_factory.mktemp("one-wrong")
    for lab in LABS:
        right = answers_of(lab)
        plain = books.read(places.notebook_of(HOUSE, lab))
        plain.cells = [cell for cell in plain.cells if cell.id.startswith(("exercise-", "check-", "setup"))]
        nbformat.write(put_answers(plain, right, {}), folder / f"{lab}-right.ipynb")
        for name in right:
            nbformat.write(put_answers(plain, right | {name: WRONG[name]}, {}), folder / f"{name}.ipynb")
    return failed_cells(nbval(folder, "--nbval-lax", "-n", "2", "--dist", "loadscope"))


@each_exercise
def test_nbval_fails_in_the_wrong_one_alone(failures, name):
    assert failures[name] == {f"check-{name}"}


def test_nbval_passes_where_all_are_right(failures):
    assert set(failures) == set(WRONG)
