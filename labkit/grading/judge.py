"""From what came back to a verdict: checked, then compared outside the student's process."""

import hashlib
from dataclasses import dataclass

import numpy as np

from labkit.asked import Case, Exercise
from labkit.checks.report import Report
from labkit.checks.running import Outcome
from labkit.grading.limits import MOST_LINES, MOST_TEXT
from labkit.grading.process import Answer
from labkit.grading.wire import Malformed

FAULTS = ("", "stub", "none", "count", "type", "raised", "wrong error", "no error")
MOST_OUTPUTS = 1000  # results of one case


@dataclass(frozen=True)
class Question:
    """An exercise with its cases: those that decide, drawn in secret, and the small ones that explain.

    name  what the answer is called, where that is not the exercise's name
    """

    exercise: Exercise
    cases: dict[str, Case]
    small: dict[str, Case]
    name: str = ""

    @property
    def key(self) -> str:
        """What tells its answer from others: "conv2d_forward", or "conv2d_forward=my_conv"."""
        return f"{self.exercise.name}={self.name}" if self.name else self.exercise.name

    @property
    def task(self) -> dict[str, object]:
        """What the student's process gets to know."""
        names = {"key": self.key, "exercise": self.exercise.name, "name": self.name or self.exercise.name}
        return names | {"cases": sent(self.cases), "small": sent(self.small)}


@dataclass(frozen=True)
class Verdict:
    """What one answer earns and why. `trouble` is a short word to the instructor, empty for ordinary answers."""

    exercise: Exercise
    score: int
    text: str
    printed: str = ""
    trouble: str = ""


def question(exercise: Exercise, secret: bytes) -> Question:
    """The exercise with cases drawn from `secret`; no two exercises share a stream."""
    words = b"\0".join([secret, exercise.lab.encode(), exercise.name.encode()])
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(words).digest(), "big"))
    return Question(exercise, exercise.inputs(rng), exercise.small())


def sent(cases: dict[str, Case]) -> dict[str, dict]:
    return {
        name: {"args": case.args, "keywords": case.keywords, "raises": case.raises} for name, case in cases.items()
    }


def verdict(asked: Question, answer: Answer, stub: bool) -> Verdict:
    """The verdict on `answer`. `stub`: the notebook holds the untouched stub.

    Needs torch. Only one thread at a time may judge: recording warnings and torch's number of
    threads belong to the whole process.
    """
    one = asked.exercise
    if answer.instead == "nothing" and stub:
        return Verdict(one, 0, str(not_yet(asked)))
    if answer.instead:
        what = f"Your cells leave {answer.instead} under this name; a function was expected."
        return Verdict(one, 0, f"{one.name}: not answered. {what}")
    if answer.cases is None:
        return Verdict(one, 0, f"{one.name} {answer.trouble}.", trouble=answer.trouble)
    try:
        outcomes = believed(answer.cases, asked.cases, one)
    except Malformed:
        trouble = "gave no readable answer"
        return Verdict(one, 0, f"{one.name} {trouble}.", trouble=trouble)
    try:
        small = asked.small
        small_outcomes = believed(answer.small, small, one)
    except Malformed:
        small, small_outcomes = {}, {}  # they only explain
    report = judged(asked, outcomes, small, small_outcomes)
    return Verdict(one, report.score, str(report), answer.printed)


def judged(asked: Question, outcomes: dict, small: dict, small_outcomes: dict) -> Report:
    from labkit.checks.judging import judge  # these need torch
    from labkit.references import reference

    return judge(asked.exercise, reference(asked.exercise), asked.cases, outcomes, small, small_outcomes)


def not_yet(asked: Question) -> Report:
    """The report on an untouched stub."""
    stubs = dict.fromkeys(asked.cases, Outcome(fault="stub"))
    return judged(asked, stubs, {}, {})


def believed(came: object, cases: dict[str, Case], exercise: Exercise) -> dict[str, Outcome]:
    """The outcomes in `came`, one for each case. Raises Malformed where anything is not as `run` makes it."""
    if not isinstance(came, dict) or came.keys() != cases.keys():
        raise Malformed("other cases")
    if any(isinstance(one, dict) and one.get("fault") == "stub" for one in came.values()):
        return dict.fromkeys(cases, Outcome(fault="stub"))
    return {name: outcome(came[name], case) for name, case in cases.items()}


def outcome(came: object, case: Case) -> Outcome:
    """One outcome. Raises Malformed."""
    if not isinstance(came, dict) or came.keys() != vars(Outcome()).keys():
        raise Malformed("no outcome")
    inputs = {name for name, value in case.args.items() if isinstance(value, np.ndarray)}
    found = Outcome(
        outputs=arrays(came["outputs"]),
        fault=text(came["fault"]),
        detail=text(came["detail"]),
        error=text(came["error"]),
        where=texts(came["where"]),
        after=arrays(came["after"]) or {},
        again=arrays(came["again"]),
        warned=texts(came["warned"]),
    )
    if found.fault not in FAULTS or found.after.keys() != inputs:
        raise Malformed("an unknown fault, or other inputs")
    if found.outputs is None and not found.fault:
        raise Malformed("no results, and no fault either")
    return found


def arrays(came: object) -> dict[str, np.ndarray] | None:
    if came is None:
        return None
    if not isinstance(came, dict) or len(came) > MOST_OUTPUTS:
        raise Malformed("no results")
    if not all(isinstance(array, np.ndarray) for array in came.values()):
        raise Malformed("results that are no arrays")
    return {text(name): array for name, array in came.items()}


def text(came: object) -> str:
    if type(came) is not str or len(came) > MOST_TEXT:
        raise Malformed("no short text")
    return came


def texts(came: object) -> tuple[str, ...]:
    if type(came) not in (list, tuple) or len(came) > MOST_LINES:
        raise Malformed("no short list of texts")
    return tuple(map(text, came))
