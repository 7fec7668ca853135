"""What hand-ins are made of: the course's notebook of lab 2, right and wrong answers, and how to put them together."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
from answers.lab02 import WRONG
from nbformat import NotebookNode
from test_one_wrong import answers_of

import labkit
from labkit.books import places
from labkit.books.graft import put_answers
from labkit.books.notebook import read

HOUSE = Path(__file__).resolve().parent.parent.parent
PATH = places.notebook_of(HOUSE, "lab02")
PLAIN = read(PATH)
EXERCISES = [one for one in labkit.exercises() if one.lab == "lab02"]
NAMES = [one.name for one in EXERCISES]
POINTS = {one.name: one.points for one in EXERCISES}
RIGHT = answers_of("lab02")  # each stands alone, so that a mistake stays where it is
STUBS = {name: next(c.source for c in PLAIN.cells if c.id == f"exercise-{name}") for name in NAMES}
SETUP = next(cell.source for cell in PLAIN.cells if cell.id == "setup")
IMPORT_OF_SETUP = "from labkit import check, hint, reveal"

PAD = "np.pad(x, [(0, 0)] * (x.ndim - 2) + [(padding, padding)] * 2)"


def book(answers=RIGHT, before=(), after=(), **changed) -> NotebookNode:
    """The course's notebook with `answers`, some `changed`, and code cells in front and behind."""
    grafted = put_answers(PLAIN, {**answers, **changed}, {})
    new = nbformat.v4.new_code_cell
    grafted.cells = [*map(new, before), *grafted.cells, *map(new, after)]
    return grafted


def later(*args, **keywords):
    """A notebook that is built when a test needs it."""
    return lambda: book(*args, **keywords)


def put(folder: Path, student: str, content: object, name: str = PATH.name) -> Path:
    """Write a notebook, or bytes or text in place of one, into a student's folder."""
    path = folder / student / name
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content if isinstance(content, (bytes, str)) else json.dumps(content)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def first_do(*lines: str, name: str = "corr2d", source: str | None = None) -> str:
    """An answer, right unless another is given, that does something else first."""
    head, rest = (source or RIGHT[name]).strip().split("\n", 1)
    return "\n".join([head, *(f"    {line}" for line in lines), rest])


@dataclass(frozen=True)
class Attack:
    """A hostile notebook, and what must come of it.

    build     makes the notebook
    lost      the exercises it loses; all others get their points
    flags     words that the gradebook's flags hold
    feedback  words that the feedback holds
    never     words that no export may hold
    untold    words that nothing of what was found may hold
    shut_in   whether it is tried in a sandbox alone: outside it would do harm, or win
    """

    build: Callable[[], object]
    lost: frozenset[str] = frozenset({"corr2d"})
    flags: str = ""
    feedback: str = ""
    never: str = ""
    untold: str = ""
    shut_in: bool = False


def attack(*lines: str, harmless: bool = False, **more) -> Attack:
    """corr2d does `lines` first; it is lost unless they are harmless."""
    return Attack(later(corr2d=first_do(*lines)), frozenset() if harmless else frozenset({"corr2d"}), **more)


def cell_attack(cell: str, flags: str = "", wrong: bool = False, **more) -> Attack:
    """The notebook begins with `cell`; nothing is lost but a wrong corr2d, if one is there."""
    answers = {**RIGHT, "corr2d": WRONG["corr2d"]} if wrong else RIGHT
    return Attack(later(answers, before=[cell]), frozenset({"corr2d"} if wrong else ()), flags, **more)


def instead(source: str, **more) -> Attack:
    """`source` stands where corr2d belongs."""
    return Attack(later(corr2d=source), **more)


def must_fail(source: str, **more) -> Attack:
    """corr2d runs `source` in the sandbox and is right unless that gets what it is after: then it raises."""
    code = "\n".join(f"        {line}" for line in source.strip().split("\n"))
    tried = f"""
def once(image, kernel):
    import ctypes, os, socket, sys
    assert os.uname().nodename == "grader"  # what follows is for a sandbox
    libc = ctypes.CDLL(None, use_errno=True)
    won = []
    try:
{code}
    except (OSError, ImportError, MemoryError, AttributeError, ValueError):
        pass
    if won:
        raise RuntimeError(f"it has won: {{won}}")
tried = []
def corr2d(image, kernel):
    if not tried:
        tried.append(1)
        once(image, kernel)
    return the_right_corr2d(image, kernel)
"""
    right = RIGHT["corr2d"].replace("def corr2d(", "def the_right_corr2d(")
    return Attack(later(corr2d=f"{right}\n{tried}"), frozenset(), shut_in=True, **more)
