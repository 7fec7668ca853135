"""Run functions as answers, in processes of their own, and judge here what came back."""

from collections import Counter
from dataclasses import dataclass, replace

from labkit.audit.asking import Ask
from labkit.audit.functions import Function
from labkit.audit.missing import Missing, not_loaded
from labkit.audit.statements import Statement
from labkit.audit.telling import is_telling
from labkit.checks.report import Report
from labkit.checks.running import Outcome
from labkit.errors import CommandError
from labkit.grading.judge import believed, judged
from labkit.grading.limits import Limits
from labkit.grading.process import Answer, collect
from labkit.grading.warm import JudgeError, Warm
from labkit.grading.wire import Malformed

NAMED, TRIED = Limits(load=10), Limits(load=10, calls=3)
MOST_TROUBLE = 2  # a function that hung or ended its process so often is tried no further


@dataclass(frozen=True)
class Finding:
    """What is said about one function. `trouble` stands where there is no report; `also` are other exercises."""

    ask: Ask
    report: Report | None
    trouble: str = ""
    also: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """right, known, unknown or not yet."""
        if self.report is None:
            return "unknown"
        if self.report.passed:
            return "right"
        return "not yet" if self.report.not_yet else "known" if self.report.mistakes else "unknown"


class Runs:
    """All runs of one file, and what came of them.

    found   findings by function
    unable  by function: why it could not be run, in words that follow its name
    """

    def __init__(self, kept: list[Statement], left: list[Statement]):
        Warm.stopped.clear()
        self.cells = [one.text for one in kept]
        self.missing = Missing(kept, left)
        self.found: dict[str, list[Finding]] = {}
        self.unable: dict[str, str] = {}
        self.doubts: dict[str, str] = {}
        self.ran: set[str] = set()
        self.troubles: Counter[str] = Counter()

    def name(self, asks: list[Ask]) -> None:
        """Run functions that are said to be the answer. Each gets a finding, or cannot be run."""
        for ask, answer in self.collected(asks, NAMED):
            outcomes = self.outcomes(ask, answer)
            absent = outcomes and self.missing.why_it_raised(ask.question.cases, outcomes)
            if absent:
                self.unable[ask.function.name] = absent
            else:
                report = self.report(ask, answer, outcomes) if outcomes else None
                trouble = answer.trouble or "gave no readable answer"
                self.found.setdefault(ask.function.name, []).append(Finding(ask, report, "" if report else trouble))

    def try_out(self, asks: list[Ask]) -> None:
        """Run functions that might be the answer. A finding is kept where the behaviour says so for certain."""
        for ask in asks:
            if reaches := ask.function.reaches:
                told = f"was left alone, because it uses {', '.join(reaches)}; --as asks it all the same"
                self.unable.setdefault(ask.function.name, told)
        asks = [one for one in asks if self.troubles[one.function.name] < MOST_TROUBLE]
        for ask, answer in self.collected(asks, TRIED):
            name, outcomes = ask.function.name, self.outcomes(ask, answer)
            if outcomes is None:
                trouble = answer.trouble or "gave no readable answer"
                self.troubles[name] += 1
                self.doubts.setdefault(name, f"{trouble} when it was tried as {ask.exercise.name}")
            elif results(ask, outcomes):
                self.ran.add(name)
                if self.says_something(ask, outcomes):
                    self.found.setdefault(name, []).append(Finding(ask, self.report(ask, answer, outcomes)))
            elif absent := self.missing.why_it_raised(ask.question.cases, outcomes):
                self.doubts.setdefault(name, absent)

    def collected(self, asks: list[Ask], limits: Limits) -> list[tuple[Ask, Answer]]:
        """The answers of the functions that are there; the others cannot be run."""
        asks = [one for one in asks if one.function.name not in self.unable]
        if not asks:
            return []
        try:
            came = collect(self.cells, [one.question.task for one in asks], limits)
        except JudgeError as error:
            raise CommandError(f"Nothing could be run: {error}.") from None
        self.missing.learn(came)
        for lost in came.lost:
            self.cells[lost.cell] = ""  # or it would cost its time with each exercise
        there = []
        for ask in asks:
            answer = came.answers[ask.question.key]
            if answer.instead == "nothing":
                self.unable[ask.function.name] = self.missing.why_not_there(ask.function)
            elif answer.instead:
                self.unable[ask.function.name] = f"is {answer.instead} when all definitions have been run"
            else:
                there.append((ask, answer))
        return there

    @staticmethod
    def outcomes(ask: Ask, answer: Answer) -> dict[str, Outcome] | None:
        """What the function did with each case, None where that did not come or is not to be believed."""
        try:
            return believed(answer.cases, ask.question.cases, ask.exercise)
        except Malformed:
            return None

    @staticmethod
    def report(ask: Ask, answer: Answer, outcomes: dict[str, Outcome]) -> Report:
        try:
            return judged(ask.question, outcomes, believed(answer.small, ask.question.small, ask.exercise))
        except Malformed:  # the small cases only explain
            return judged(ask.question, outcomes, {})

    @staticmethod
    def says_something(ask: Ask, outcomes: dict[str, Outcome]) -> bool:
        """Whether behaviour alone says for certain that this answers the exercise."""
        if 2 * results(ask, outcomes) < sum(not case.raises for case in ask.question.cases.values()):
            return False
        report = judged(ask.question, outcomes, {})  # the small cases are for those who get a report
        return is_telling(report, ask.question.cases, outcomes, bool(ask.kin))

    def finish(self, functions: list[Function]) -> None:
        """Keep the best finding of each function that was tried out; say why the others could not be run."""
        for name, found in self.found.items():
            if not found[0].ask.named:
                best, *others = sorted(found, key=likeness, reverse=True)
                others = [one for one in others if one.report.passed or not best.report.passed]
                self.found[name] = [replace(best, also=tuple(one.ask.exercise.name for one in others))]
        for name, doubt in self.doubts.items():
            if name not in self.found and (name not in self.ran or self.troubles[name] >= MOST_TROUBLE):
                self.unable.setdefault(name, doubt)
        for function in functions:
            if function.needs and function.name not in self.found:
                self.unable.setdefault(function.name, not_loaded(" and ".join(function.needs)))


def results(ask: Ask, outcomes: dict[str, Outcome]) -> int:
    """In how many cases that have a result it gave one."""
    return sum(outcomes[name].outputs is not None for name, case in ask.question.cases.items() if not case.raises)


def likeness(finding: Finding) -> tuple:
    """What makes one of several exercises the likeliest: right, all cases taken, kindred names, fewer failures."""
    return finding.report.passed, finding.ask.whole, finding.ask.kin, -len(finding.report.failed)
