"""Which function is asked which exercise, and with which cases."""

from dataclasses import dataclass, replace

import numpy as np

from labkit.asked import Exercise
from labkit.audit.fitting import fitted, goes_by_position, parameters
from labkit.audit.functions import Function
from labkit.audit.telling import shared_words
from labkit.grading.judge import Question

# Judged by their results. The other kinds are judged by what holds or raises: a few yes and no say too little
# about a function that nobody named after the exercise.
BY_RESULTS = ("array", "callable")


@dataclass(frozen=True)
class Ask:
    """A function asked as the answer to an exercise.

    named        somebody says that it is the answer: its own name, or --as
    of           how many cases the exercise has; the question may hold fewer
    by_position  the exercise's parameters, where the function's are others and all are passed by position
    """

    function: Function
    question: Question
    named: bool
    of: int
    by_position: tuple[str, ...] = ()

    @property
    def exercise(self) -> Exercise:
        return self.question.exercise

    @property
    def whole(self) -> bool:
        """Whether the function can take all cases."""
        return len(self.question.cases) == self.of

    @property
    def kin(self) -> int:
        """How many words its name shares with the exercise's."""
        return shared_words(self.function.name, self.exercise.name)


def asks(exercise: Exercise, functions: list[Function], seed: int, named: bool) -> list[Ask]:
    """`functions` asked as answers to `exercise`; those that are not named only where it may lead to something."""
    if not functions or not named and exercise.kind not in BY_RESULTS:
        return []
    from labkit.references import reference  # needs torch

    takes = parameters(reference(exercise).answer)
    cases, small = exercise.inputs(np.random.default_rng(seed)), exercise.small()
    whole = Question(exercise, cases, small)
    made = []
    for function in functions:
        mine = fitted(function.signature, takes, cases)
        if mine:
            some = replace(whole, cases=mine, small=fitted(function.signature, takes, small), name=function.name)
        else:
            some = replace(whole, cases=cases if named else {}, name=function.name)  # named: it is told as it is
        by_position = mine and goes_by_position(function.signature, takes, cases)
        made.append(Ask(function, some, named, len(cases), tuple(takes) if by_position else ()))
    return [one for one in made if named or is_worth_it(one)]


def is_worth_it(ask: Ask) -> bool:
    """Whether a function that nobody named may be the answer: it takes all cases, or some and has a kindred name."""
    some = any(not case.raises for case in ask.question.cases.values())
    return some and (ask.whole or ask.kin > 0)
