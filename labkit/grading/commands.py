"""The commands `grade`, `report`, `graft`, `autograder`, `doctor`: from the command line to functions and back."""

import argparse
import functools
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from labkit.books import places
from labkit.grading import batch, crew, folder, grafts, settings
from labkit.grading.exports import autograder as on_gradescope
from labkit.grading.journal import FILE, Journal
from labkit.grading.sandbox import level
from labkit.grading.settings import Settings
from labkit.grading.texts import safe

MOST_ON_A_CLUSTER = 64  # notebooks handed out at a time, where nobody says how many


def grade(args: argparse.Namespace) -> int:
    """`labkit grade`: grade, write, tell. Returns 0 if every submission has its record, else 1."""
    console = Console(stderr=True)
    plan = batch.Plan(
        labs=tuple(args.labs) if args.labs else None,
        nbval=args.nbval or args.points == "nbval",
        points=args.points,
        settings=settings.read(args.config) if args.config else Settings(),
        level=level.choose(args.sandbox),
    )
    if plan.level == "none":
        console.print(level.NONE, style="yellow", highlight=False, soft_wrap=True)
    if args.dask:
        hire, at_once = functools.partial(crew.dask, args.dask), args.workers or MOST_ON_A_CLUSTER
    else:  # a worker begins nothing new before its last result is written down: a kill costs no more than what runs
        at_once = args.workers or 1
        hire = functools.partial(crew.processes, at_once)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("Grading", total=None)
        tally = batch.grade(
            args.submissions,
            args.out,
            plan,
            course=args.course,
            hire=hire,
            at_once=at_once,
            progress=lambda done, of: progress.update(task, completed=done, total=of),
        )
    return tell(tally, args.out)


def tell(tally: batch.Tally, out: Path) -> int:
    """Print what was done. Returns the exit status."""
    for flag in tally.told:
        say(flag)
    for sentence in tally.ignored:
        say(sentence)
    if tally.kept:
        say(f"{tally.kept} results were known, from before or from equal code; {tally.graded} notebooks were run.")
    if tally.failed:
        say(f"{tally.failed} of {tally.students} submissions could not be graded; their rows say why.")
    say(f"Graded {tally.students - tally.failed} of {tally.students} submissions: {out / 'gradebook.csv'}")
    return 1 if tally.failed else 0


def report(args: argparse.Namespace) -> int:
    """`labkit report`: write the exports anew from the journal, nothing is graded."""
    root = places.course_root(args.course)
    changed = settings.read(args.config) if args.config else None
    if not (args.grades / FILE).is_file():
        raise batch.nothing_graded(args.grades)
    with Journal(args.grades) as journal:
        for path in batch.export(args.grades, journal, root, changed, say):
            say(f"Wrote {path}")
    return 0


def graft(args: argparse.Namespace) -> int:
    """`labkit graft`: answers in the course's own notebooks, one folder a student."""
    written, told = grafts.graft(args.submissions, args.out, args.course, tuple(args.labs) if args.labs else None)
    for sentence in told:
        say(sentence)
    say(f"{written} notebooks in {args.out}. They hold students' code: run them where it can do no harm.")
    return 0


def autograder(args: argparse.Namespace) -> int:
    """`labkit autograder`: the zip that grades a lab on Gradescope."""
    secret = folder.seed(args.grades / folder.SEED).hex() if args.grades else None
    on_gradescope.build(places.course_root(args.course), args.lab, args.zip, args.sandbox, secret)
    say(f"Wrote {args.zip}. Upload it as the autograder; it gives away how answers are judged, so show it to nobody.")
    return 0


def doctor(args: argparse.Namespace) -> int:
    """`labkit doctor`: which sandbox holds on this machine, attack by attack. Returns 0 if one does, else 1."""
    found = level.probe()
    if found.trouble:
        say(f"bwrap: {found.trouble}")
    for name in () if found.trouble else level.ATTACKS:
        say(f"  {'WON    ' if name in found.won else 'stopped'}  {name}")
    say("bwrap holds here: `labkit grade` uses it." if found.holds else f"bwrap does not hold here. {level.ADVICE}")
    return 0 if found.holds else 1


def say(line: str) -> None:
    Console().print(escape(safe(line, "")), highlight=False, soft_wrap=True)
