"""From what came back to a verdict: checked, then compared outside the student's process."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from labkit.asked import Case, Exercise
from labkit.checks.report import Report
from labkit.checks.running import Outcome, settled
from labkit.grading.limits import MOST_LINES, MOST_TEXT
from labkit.grading.process import Answer
from labkit.grading.record import MISSING, RIGHT, WRONG, Found
from labkit.grading.texts import showable
from labkit.grading.wire import Malformed

if TYPE_CHECKING:
    from labkit.checks.judging import Standard

FAULTS = ("", "stub", "none", "count", "type", "raised")
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
        return self.with_helpers({})

    def with_helpers(self, helpers: dict[str, str]) -> dict[str, object]:
        """The task, with sources by name that take the place of the student's own."""
        names = {"key": self.key, "lab": self.exercise.lab, "exercise": self.exercise.name}
        names["name"] = self.name or self.exercise.name
        return names | {"cases": sent(self.cases), "small": sent(self.small), "helpers": helpers}

    @cached_property
    def standards(self) -> "tuple[Standard, Standard]":
        """What answers are measured by, on the cases and on the small ones; needs torch. Kept for the next answer."""
        from labkit.checks.judging import Standard
        from labkit.references import reference

        true = reference(self.exercise)
        return Standard(self.exercise, true, self.cases), Standard(self.exercise, true, self.small)


def question(exercise: Exercise, secret: bytes) -> Question:
    """The exercise with cases drawn from `secret`; no two exercises share a stream."""
    words = b"\0".join([secret, exercise.lab.encode(), exercise.name.encode()])
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(words).digest(), "big"))
    return Question(exercise, exercise.inputs(rng), exercise.small())


def sent(cases: dict[str, Case]) -> dict[str, dict]:
    """The calls, by number: what a case is called, and whether it should raise, would tell an answer what to do."""
    return {str(number): {"args": one.args, "keywords": one.keywords} for number, one in enumerate(cases.values())}


def verdict(asked: Question, answer: Answer, stub: bool) -> Found:
    """The verdict on `answer`. `stub`: the notebook holds the untouched stub.

    Needs torch. Only one thread at a time may judge: recording warnings and torch's number of
    threads belong to the whole process.
    """
    name = asked.exercise.name
    if answer.instead == "nothing" and stub:
        return Found(name, MISSING, 0, str(not_yet(asked)))
    if answer.instead:
        what = f"Your cells leave {showable(answer.instead)} under this name; a function was expected."
        return Found(name, MISSING, 0, f"{name}: not answered. {what}")
    if answer.cases is None:
        trouble = showable(answer.trouble)
        return Found(name, WRONG, 0, f"{name} {trouble}.", trouble=trouble)
    try:
        outcomes = believed(answer.cases, asked.cases, asked.exercise)
    except Malformed:
        trouble = "gave no readable answer"
        return Found(name, WRONG, 0, f"{name} {trouble}.", trouble=trouble)
    try:
        small_outcomes = believed(answer.small, asked.small, asked.exercise)
    except Malformed:
        small_outcomes = {}  # they only explain
    report = judged(asked, outcomes, small_outcomes)
    mistake, sentence = report.mistakes[0] if report.mistakes else ("", "")
    state = RIGHT if report.passed else MISSING if report.not_yet else WRONG
    texts = [showable(text) for text in (str(report), sentence, answer.printed)]
    return Found(name, state, report.score / report.max_score, texts[0], mistake, texts[1], texts[2])


def judged(asked: Question, outcomes: dict, small_outcomes: dict) -> Report:
    """The report on outcomes that are believed; no small outcomes where they did not come."""
    from labkit.checks.judging import judge

    full, small = asked.standards
    return judge(full, outcomes, small, small_outcomes)


def not_yet(asked: Question) -> Report:
    """The report on an untouched stub."""
    return judged(asked, dict.fromkeys(asked.cases, Outcome(fault="stub")), {})


def believed(came: object, cases: dict[str, Case], exercise: Exercise) -> dict[str, Outcome]:
    """The outcomes in `came` (by number), one for each case. Raises Malformed where anything is not as `run` makes it."""
    if not isinstance(came, dict) or came.keys() != sent(cases).keys():
        raise Malformed("other cases")
    if any(isinstance(one, dict) and one.get("fault") == "stub" for one in came.values()):
        return dict.fromkeys(cases, Outcome(fault="stub"))
    return {name: outcome(came[str(number)], case) for number, (name, case) in enumerate(cases.items())}


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
        returned=text(came["returned"]),
        kinds=texts(came["kinds"]),
    )
    if found.fault not in FAULTS or found.after.keys() != inputs:
        raise Malformed("an unknown fault, or other inputs")
    if found.outputs is None and not found.fault:
        raise Malformed("no results, and no fault either")
    return settled(found, case.raises)


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
