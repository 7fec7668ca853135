"""A class that hands in lab 2: the same answers for every tool, and the points that are due to each student."""

import ast
import copy
import inspect
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]  # this tree's labkit is measured, not an installed one

from answers import lab02  # noqa: E402
from labkit import asked  # noqa: E402
from labkit.books import notebook as books  # noqa: E402
from labkit.books import places  # noqa: E402
from labkit.books.graft import put_answers  # noqa: E402
from labkit.books.solutions import read_solutions  # noqa: E402

LAB = "lab02"
EXERCISES = [one for one in asked.exercises() if one.lab == LAB]
NAMES = [one.name for one in EXERCISES]
POINTS = {one.name: one.points for one in EXERCISES}
IMPORTS = "import math\nfrom numpy.lib.stride_tricks import as_strided, sliding_window_view\n"
SEAT = "seat_of_student"  # one more name in every notebook: no two are alike, so none can be graded by looking it up


@dataclass(frozen=True)
class Student:
    """answers: code by exercise, untouched stubs are not here. due: points by exercise."""

    name: str
    answers: dict[str, str]
    due: dict[str, int]


def path() -> Path:
    """The notebook that is handed out."""
    return places.notebook_of(ROOT, LAB)


@cache
def handed_out(short: bool) -> NotebookNode:
    """The lab's notebook; `short`: its first code cell, its exercises and their checks alone."""
    whole = books.read(path())
    if short:
        cells = whole.cells
        setup = next(cell for cell in cells if cell.cell_type == "code")
        whole.cells = [
            cell for cell in cells
            if cell is setup or cell.cell_type == "code" and (books.exercise_of(cell) or books.checked_by(cell))
        ]
    return whole


def students(count: int) -> list[Student]:
    """`count` students in the order in which every tool grades them.

    Of twelve, five answer all rightly, each in another way, six have one exercise wrong, one leaves two untouched.
    """
    right = read_solutions(places.solution_paths(ROOT, path())[0]).functions
    ways = [right, *({name: another_way(name, way) for name in NAMES} for way in range(4))]
    everything = dict(POINTS)
    kinds = [(ways[0], everything)]
    for place, name in enumerate(NAMES):
        kinds.append(({**right, name: lab02.WRONG[name].strip("\n")}, {**everything, name: 0}))
        if place < 4:
            kinds.append((ways[place + 1], everything))
        elif place == 4:
            left = NAMES[-2:]
            some = {one: source for one, source in right.items() if one not in left}
            kinds.append((some, {**everything, **dict.fromkeys(left, 0)}))
    class_ = []
    for number in range(count):
        answers, due = kinds[number % len(kinds)]
        first = f"{SEAT} = {number}\n\n\n" + answers[NAMES[0]]
        class_.append(Student(f"student{number:04}", {**answers, NAMES[0]: first}, due))
    return class_


def another_way(name: str, way: int) -> str:
    """One of the right answers that the checks are tested with, as the text of a cell."""
    ways = [one for one in lab02.RIGHT[name] if inspect.isfunction(one) and "torch" not in one.__code__.co_names]
    chosen = ways[way % len(ways)]
    sources = [inspect.getsource(one) for one in (*called(chosen), chosen)]
    text = IMPORTS + "\n\n" + "\n\n".join(sources)
    return re.sub(rf"\b{chosen.__name__}\b", name, text).rstrip()


def called(function: Callable) -> list[Callable]:
    """The functions of the same file that `function` calls, what they call first."""
    found: list[Callable] = []
    names = {node.id for node in ast.walk(ast.parse(inspect.getsource(function))) if isinstance(node, ast.Name)}
    for name in sorted(names - {function.__name__}):
        other = vars(lab02).get(name)
        if inspect.isfunction(other) and other.__module__ == lab02.__name__:
            found += [one for one in (*called(other), other) if one not in found]
    return found


def handed_in(student: Student, short: bool) -> NotebookNode:
    """The student's notebook, as JupyterLab would have saved it but for the outputs, which no tool reads."""
    return put_answers(handed_out(short), student.answers, {})


def for_nbgrader(notebook: NotebookNode, source: bool = False) -> NotebookNode:
    """With nbgrader's metadata: exercises are solution cells, checks are autograded tests.

    source: as the instructor keeps it, the stub's last line marked as the solution to take out.
    """
    made = copy.deepcopy(notebook)
    for cell in made.cells:
        exercise, checked = books.exercise_of(cell), books.checked_by(cell)
        if exercise:
            cell.metadata["nbgrader"] = marks(f"exercise-{exercise}", solution=True)
            if source:
                cell.source = re.sub(
                    r"^( *)(raise NotImplementedError\(.*\))$",
                    r"\1### BEGIN SOLUTION\n\1\2\n\1### END SOLUTION",
                    cell.source,
                    flags=re.MULTILINE,
                )
        elif checked:
            cell.metadata["nbgrader"] = {**marks(f"check-{checked}", grade=True), "points": POINTS[checked]}
    return made


def marks(name: str, **is_true: bool) -> dict[str, object]:
    flags = dict.fromkeys(("grade", "solution", "task"), False) | is_true
    return {**flags, "locked": flags["grade"], "grade_id": name, "schema_version": 3}


def for_otter(notebook: NotebookNode) -> NotebookNode:
    """Without the check cells: otter runs its own tests once, after the last cell."""
    made = copy.deepcopy(notebook)
    made.cells = [cell for cell in made.cells if not books.checked_by(cell)]
    return made


def otter_test(name: str) -> str:
    """The file of otter's test of one exercise: the check that the notebook's own cell makes."""
    return f"""\
from labkit import check
from otter.test_files import test_case

OK_FORMAT = False
name = "{name}"
points = {POINTS[name]}


@test_case(points={POINTS[name]})
def test_{name}({name}):
    check({name}, "{name}")
"""


def write(where: Path, notebook: NotebookNode) -> None:
    where.parent.mkdir(parents=True, exist_ok=True)
    where.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
