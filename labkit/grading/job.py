"""One notebook, graded: everything that is to be known comes in the job, and all that was found goes back.

A job carries bytes, not paths, so that any process on any machine that has labkit can do it.
"""

import functools
import re
import threading
from dataclasses import dataclass, field, replace

import nbformat

from labkit import asked
from labkit.grading import nbval
from labkit.grading.grafting import grafted
from labkit.grading.journal import key_of
from labkit.grading.judge import Question, question, verdict
from labkit.grading.limits import Limits
from labkit.grading.process import Answer, Collected, Process
from labkit.grading.record import MISSING, RIGHT, WRONG, Cell, Found, Graded
from labkit.grading.texts import showable
from labkit.grading.warm import JudgeError, Stopped, Warm

# Judging changes what belongs to the whole process (which warnings are recorded, torch's threads): one at a time.
ALONE = threading.Lock()
# A process serves one notebook after another, and ends with the thread that has started it.
MINE = threading.local()


@dataclass(frozen=True)
class Job:
    """A student's own code for one lab, and how it is to be graded.

    cells      the student's own cells from the top (answers.own)
    stubs      exercises of which the untouched stub is there
    secret     draws the cases
    level      the sandbox: "bwrap" or "none"
    helpers    right answers by exercise, as source; with them an error is not held against what stands on it
    notebook   the course's own notebook as text, for the nbval step; empty where that step is left out
    points     whose verdict earns the points: "judge" or "nbval"
    course     what of the course the result depends on, as a digest
    """

    lab: str
    cells: tuple[str, ...]
    stubs: frozenset[str]
    secret: bytes
    level: str
    limits: Limits = Limits()
    helpers: dict[str, str] = field(default_factory=dict)
    notebook: str = ""
    points: str = "judge"
    course: str = ""

    @functools.cached_property
    def key(self) -> str:
        """What the result is kept under: the same for two jobs with the same result, never for others."""
        parts = [self.lab, self.level, self.points, self.course, repr(self.limits), self.notebook]
        parts += [repr(sorted(self.helpers.items())), repr(sorted(self.stubs)), *self.cells]
        return key_of([self.secret, *(part.encode("utf-8", "surrogatepass") for part in parts)])


def do(job: Job) -> Graded:
    """Grade one notebook. What a student's code does to it costs this student; the machine's faults are told.

    Raises nothing but Stopped and what ends the process.
    """
    try:
        return graded(job)
    except Stopped:
        raise
    except (JudgeError, OSError) as error:
        why = str(error)
    except Exception as error:  # what bytes from a student can do to the grader is not all foreseen
        why = f"the grader failed ({type(error).__name__}: {error})"
    return Graded(job.lab, job.level, job.points, trouble=why)


def graded(job: Job) -> Graded:
    """What was found out about the job. Raises JudgeError where the machine cannot run it."""
    lab = asked.lab(job.lab).EXERCISES
    questions = [asked_with(one.name, job.lab, job.secret) for one in lab]
    cells = list(job.cells)
    if cells:
        collected = mine(Process, job).collect(cells, [one.task for one in questions])
    else:
        collected = Collected({}, [], [])
    found = [verdict_on(one, collected.answers.get(one.key, Answer(instead="nothing")), job) for one in questions]
    for number, one in enumerate(found):
        if one.part < 1 and one.state == WRONG:
            found[number] = carried_forward(one, questions[number], found[:number], job)
    notes, flags = told_cells(cells, collected)
    tested, not_ran = nbval_step(job) if job.notebook and cells else (None, "")
    if job.points == "nbval" and tested is not None:
        found = [by_nbval(one, verdict) for one, verdict in zip(found, nbval.verdicts(tested, lab).values())]
    return Graded(job.lab, job.level, job.points, tuple(found), tuple(notes), tuple(flags), tested, not_ran)


def nbval_step(job: Job) -> tuple[tuple[Cell, ...], str]:
    """What the course's notebook does with the student's cells in it. Raises JudgeError."""
    book = grafted(nbformat.reads(job.notebook, as_version=4), list(job.cells), asked.lab(job.lab).EXERCISES)
    return mine(nbval.Tester, job).run(book)


def mine(kind: type[Warm], job: Job) -> Warm:
    """This thread's process of a kind, with the job's level and limits; another one it had is ended."""
    kept = vars(MINE).setdefault("warm", {})
    if (one := kept.get(kind)) is None or (one.level, one.limits) != (job.level, job.limits):
        if one is not None:
            one.stop()
        one = kept[kind] = kind(job.limits, job.level)
    return one


def end_mine() -> None:
    """End this thread's processes."""
    for one in vars(MINE).pop("warm", {}).values():
        one.stop()


def by_nbval(found: Found, verdict: tuple[bool, str]) -> Found:
    """An exercise whose points are those of the nbval step."""
    passed, text = verdict
    if passed:
        return Found(found.exercise, RIGHT, 1, f"{found.exercise}: its check passed in the notebook.")
    return replace(found, state=MISSING if found.state == MISSING else WRONG, part=0, text=text, carried=())


@functools.lru_cache(maxsize=256)
def asked_with(exercise: str, lab: str, secret: bytes) -> Question:
    """An exercise with its cases, drawn once: what is true of them is kept for the next notebook."""
    return question(asked.exercise(exercise, of=lab), secret)


def verdict_on(question: Question, answer: Answer, job: Job) -> Found:
    with ALONE:
        return verdict(question, answer, question.exercise.name in job.stubs)


def carried_forward(found: Found, question: Question, before: list[Found], job: Job) -> Found:
    """A wrong answer, tried once more with right ones in place of the wrong exercises it may call.

    Nothing the student's code says in this run is told, only whether it was right: it stands next to a solution.
    """
    failed = [one.exercise for one in before if one.state != RIGHT]
    helpers = {name: job.helpers[name] for name in failed if name in job.helpers and is_used(name, job.cells)}
    if not helpers:
        return found
    again = mine(Process, job).collect(list(job.cells), [question.with_helpers(helpers)])
    second = verdict_on(question, again.answers.get(question.key, Answer(instead="nothing")), job)
    if second.state != RIGHT:
        return found
    names = " and ".join(helpers)
    text = f"{found.text}\nWith a right {names} in place of yours it is right, so that error is not counted twice."
    return replace(found, state=RIGHT, part=1, text=text, carried=tuple(helpers))


def is_used(name: str, cells: tuple[str, ...]) -> bool:
    """Whether a name stands somewhere else than where it gets its meaning."""
    code = "\n".join(cells)
    uses = len(re.findall(rf"\b{name}\b", code))
    return uses > len(re.findall(rf"^[ \t]*(?:def|class)[ \t]+{name}\b|^{name}[ \t]*=", code, re.MULTILINE))


def told_cells(cells: list[str], collected: Collected) -> tuple[list[str], list[str]]:
    """For the student: which cells that define something stopped. For both: which were cut short."""
    notes, flags = [], []
    for number, line, sentence in collected.errors:
        if 0 <= number < len(cells) and any(word in cells[number] for word in ("def ", "class ", "lambda")):
            begins, what = beginning(cells[number]), showable(sentence)
            notes.append(f"The cell that begins {begins} stopped at its line {line}: {what}")
    for lost in collected.lost:
        if lost.cell < len(cells):
            begins = beginning(cells[lost.cell])
            notes.append(f"The cell that begins {begins} {lost.how}. It was left out from there on.")
            flags.append(f"a cell {lost.how} and was left out")
    return notes, flags


def beginning(cell: str) -> str:
    """The first line of a cell that says something, in quotes."""
    first = next((line.strip() for line in cell.split("\n") if line.strip()), "")
    return f'"{showable(first[:60])}"'
