"""What `labkit audit` prints. All that comes from the file is written so that every character can be seen."""

import argparse
from collections import Counter
from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from labkit.audit.functions import Function
from labkit.audit.runs import Finding
from labkit.audit.statements import place
from labkit.audit.trying import Audit, audit
from labkit.grading.texts import indented

NO_SANDBOX = (
    "Functions run in processes of their own, with limits on time and memory, but with your rights: that is no "
    "sandbox. Audit only what you would run yourself."
)
STATES = {
    "right": "right",
    "known": "with known mistakes",
    "unknown": "wrong in an unknown way",
    "not yet": "not written yet",
    "unable": "could not be run",
    "unlike": "like no exercise",
}
COLOURS = {"right": "blue", "known": "red", "unknown": "red", "not yet": "yellow"}


def command(args: argparse.Namespace) -> int:
    """`labkit audit`: look, tell, and return the exit status. Raises CommandError."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("Trying exercises", total=None)

        def tell_progress(done: int, of: int) -> None:
            if done == 0:  # the file was read, and is run next
                console.print(NO_SANDBOX, style="yellow", highlight=False, soft_wrap=True)
            progress.update(task, completed=done, total=of)

        found = audit(args.file, args.pairs, args.seed, tell_progress)
    tell(found)
    return found.status


def tell(found: Audit) -> None:
    """Print a block for each finding, then what could not be run, then one line that sums up."""
    console = Console()

    def say(text: str, style: str | None = None) -> None:
        for line in indented(text, ""):
            console.print(escape(line), style=style, highlight=False, soft_wrap=True)

    for function in found.functions:
        for one in found.findings.get(function.name, []):
            times = f", defined {function.times} times, this one counts" if function.times > 1 else ""
            say(f"{function.name}  {where(found, function)}{times}  {one.ask.exercise.name}", "bold")
            first, *rest = block(one)
            say(f"  {first}", COLOURS[one.state])
            for line in rest:
                say(f"  {line}")
            console.print()
    unable = [one for one in found.functions if one.name in found.unable]
    if unable:
        say("Could not be run:", "bold")
        for function in unable:
            say(f"  {function.name} ({where(found, function)}) {found.unable[function.name]}.")
        console.print()
    if found.unlike:
        say(f"Like no exercise: {', '.join(found.unlike)}. To hear how one differs: --as EXERCISE=NAME.")
    if found.left:
        say(f"{counted(found.left, 'statement')} outside functions not run: only definitions are, and what they need.")
    if found.no_python:
        say(f"{counted(found.no_python, 'code cell')} left out: no Python 3.")
    say(summary(found), "bold")


def block(finding: Finding) -> Iterator[str]:
    """The lines on one finding, the verdict first."""
    yield verdict(finding)
    ask, report = finding.ask, finding.report
    if report and report.failed:
        yield from (sentence for _, sentence in report.mistakes)
        yield "Smallest one: " + report.example[0]
        yield from (f"  {line}" for line in report.example[1:])
        if ask.named or not report.mistakes:
            yield "Cases that fail:"
            yield from (f"  {line}" for line in report.failing_lines())
    if ask.by_position and ask.named:
        names = ", ".join(ask.function.signature.names)
        yield f"Its parameters are ({names}), the exercise's ({', '.join(ask.by_position)}): passed by position."
    if not ask.whole:
        yield f"It was given the {counted(len(ask.question.cases), 'case')} of {ask.of} that it can take."
    if finding.also:
        yield f"The same can be said of it as {' and '.join(finding.also)}."
    if report and ask.named:
        yield from (f"It warned: {text}" for text in report.warned)


def verdict(finding: Finding) -> str:
    """One sentence."""
    ask, report = finding.ask, finding.report
    name, exercise = ask.function.name, ask.exercise.name
    if report is None:
        return f"{name} {finding.trouble}."
    if report.not_yet:
        return f"{name} is not written yet: it raises NotImplementedError."
    if name == exercise:
        return report.verdict
    if report.passed:
        return f"{name} is a right {exercise}: it agrees with {report.like} in all {report.cases} cases."
    if ask.named:
        return f"{name} is wrong as {exercise}, in {len(report.failed)} of {report.cases} cases."
    if report.mistakes:
        return f"{name} behaves like {exercise} with {counted(len(report.mistakes), 'known mistake')}."
    return f"{name} gives what {exercise} gives, but does not raise what that raises."


def where(found: Audit, function: Function) -> str:
    return place(found.kept[function.at].piece, function.line)


def counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def summary(found: Audit) -> str:
    """"12 functions: 2 right, 3 with known mistakes, …"; a function counts once, by the worst said of it."""
    states = Counter(worst(found, function.name) for function in found.functions)
    parts = [f"{states[state]} {words}" for state, words in STATES.items() if states[state]]
    return f"{counted(len(found.functions), 'function')}{': ' if parts else ''}{', '.join(parts)}"


def worst(found: Audit, name: str) -> str:
    if name in found.findings:
        return max((one.state for one in found.findings[name]), key=("not yet", "right", "known", "unknown").index)
    return "unable" if name in found.unable else "unlike"
