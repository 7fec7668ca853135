"""Answers to every exercise of every lab, handed in as notebooks: right ones, however written, and wrong ones."""

import ast
import functools
import inspect
import types

import nbformat
import pytest
from answers import EXERCISES, FILES, LABS, RIGHT, WRONG
from submissions import put
from test_grading import graded
from test_one_wrong import HOUSE, answers_of

from labkit.books import places
from labkit.books.graft import put_answers
from labkit.books.notebook import read
from labkit.grading.sandbox import level

NOT_THERE = ("torch", "labkit")  # where answers are graded
BEST = "none" if level.missing() else "bwrap"


@pytest.mark.parametrize("lab", LABS)
def test_every_right_answer_gets_full_points_and_wrong_ones_none(tmp_path, lab):
    """Every kind of exercise goes through the judge's process as through the notebook's check."""
    path = places.notebook_of(HOUSE, lab)
    plain, points = read(path), {one.name: one.points for one in EXERCISES if one.lab == lab}
    wrong = {name: WRONG[name].strip() for name in points}
    for student, sources in {"right": answers_of(lab), "wrong": wrong, "untouched": {}}.items():
        put(tmp_path / "in", student, put_answers(plain, sources, {}), path.name)
    due = {"right": points, "wrong": dict.fromkeys(points, 0), "untouched": dict.fromkeys(points, 0)}
    for number in range(max(len(RIGHT[name]) for name in points)):
        book, answered = otherwise(plain, lab, number)
        put(tmp_path / "in", f"right {number}", book, path.name)
        due[f"right {number}"] = {name: points[name] * (name in answered) for name in points}
    rows = graded(tmp_path / "in", tmp_path / "out", level=BEST, labs=(lab,)).by_name
    given = {student: {name: float(rows[student][f"{lab}.{name}"]) for name in points} for student in due}
    assert given == due
    assert all(sum(bool(one[name]) for one in due.values()) > 2 for name in points)  # most ways were tried


def otherwise(plain, lab: str, number: int):
    """A notebook with the answers of that number, and their names. The file that holds them is its first cell.

    Answers that need what is not there are left out: tests/test_right_answers.py tries them.
    """
    names = [one.name for one in EXERCISES if one.lab == lab]
    answered = [name for name in names if number < len(RIGHT[name]) and not needs_others(RIGHT[name][number], set())]
    book = put_answers(plain, {name: f"{name} = RIGHT[{name!r}][{number}]" for name in answered}, {})
    book.cells.insert(0, nbformat.v4.new_code_cell(SOURCES[lab], id="helpers"))
    return book, answered


def numpy_only(source: str) -> str:
    """The source of a file without its imports of what is not there."""
    tree = ast.parse(source)
    tree.body = [
        one
        for one in tree.body
        if not (isinstance(one, ast.Import) and one.names[0].name.startswith(NOT_THERE))
        and not (isinstance(one, ast.ImportFrom) and one.module.startswith(NOT_THERE))
    ]
    return ast.unparse(tree)


SOURCES = {lab: numpy_only(inspect.getsource(file)) for lab, file in zip(LABS, FILES)}


def needs_others(thing, seen: set[int]) -> bool:
    """Whether a function, a class or what can be called otherwise comes to torch or labkit by the names it uses."""
    if id(thing) in seen:
        return False
    seen.add(id(thing))
    if isinstance(thing, types.ModuleType):
        return thing.__name__.startswith(NOT_THERE)
    if (getattr(thing, "__module__", None) or "").startswith(NOT_THERE):
        return True
    if isinstance(thing, functools.partial):
        return needs_others(thing.func, seen)
    if inspect.isclass(thing):
        methods = (value for one in thing.__mro__[:-1] for value in vars(one).values())
        return any(needs_others(value, seen) for value in methods if callable(value))
    if not isinstance(thing, types.FunctionType):
        return callable(thing) and needs_others(type(thing), seen)
    codes = [thing.__code__]
    for code in codes:
        codes += (part for part in code.co_consts if isinstance(part, types.CodeType))
    used = [thing.__globals__.get(name) for code in codes for name in code.co_names]
    used += (cell.cell_contents for cell in thing.__closure__ or ())
    return any(needs_others(one, seen) for one in used)
