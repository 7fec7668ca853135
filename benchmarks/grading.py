"""`python benchmarks/grading.py`: submissions a minute of `labkit grade` beside nbgrader and otter-grader.

All grade the same notebook with the same answers by the same checks, by turns, in one run. The judge also grades a class
of 200 with one worker and two. Linux or macOS. The first run makes an environment for each of the two others, with
this Python's pip. Forty minutes with the defaults.
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import psutil  # ipykernel brings it

from bench import processor
from environments import Stop, default_folder, environment
from graders import Grader, Labkit, NbGrader, Otter, labkit_options, run, wrong
from handed_in import students

FEW = 2  # submissions of the short run: what a further submission costs is the difference
LARGE = 200  # submissions of a class for which a second worker is wanted; the judge alone grades it
RESULT = Path(__file__).resolve().parent / "grading.md"


@dataclass
class Timed:
    """Seconds of the runs of one grader, of FEW, of all and of LARGE submissions, by the clock and of processors."""

    grader: Grader
    few: list[float] = field(default_factory=list)
    all: list[float] = field(default_factory=list)
    large: list[float] = field(default_factory=list)
    cpu_few: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    cpu_large: list[float] = field(default_factory=list)
    wrong: dict[str, None] = field(default_factory=dict)  # sentences, in order

    def whole(self, count: int) -> float:
        """Seconds a submission, the command's start counted."""
        return statistics.median(self.all) / count

    def class_(self, count: int) -> float | None:
        """Seconds a submission of a large class, the start counted; None where that was not measured."""
        return statistics.median(self.large) / LARGE if self.large else None

    def further(self, count: int) -> float | None:
        """Seconds a submission once it has started; None where a busy machine hides it."""
        return further(self.few, self.large, LARGE) if self.large else further(self.few, self.all, count)

    def start(self, count: int) -> float | None:
        """Seconds that do not grow with the class."""
        each = self.further(count)
        return None if each is None else statistics.median(self.few) - FEW * each

    def work(self, count: int) -> float | None:
        """Seconds of processor time of a further submission, of all processes."""
        return further(self.cpu_few, self.cpu_large, LARGE) if self.large else further(self.cpu_few, self.cpu, count)


def further(few: list[float], many: list[float], count: int) -> float | None:
    more = (statistics.median(many) - statistics.median(few)) / (count - FEW)
    return more if more > 0 else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=24, help="submissions (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each; medians are told (default %(default)s)")
    parser.add_argument("--short", action="store_true", help="the exercises and checks alone, not the whole notebook")
    parser.add_argument(
        "--without", nargs="+", default=[], choices=["nbgrader", "otter", "nbval"], help="leave these out"
    )
    parser.add_argument("--sandbox", default="auto", help="of labkit, where it has one (default %(default)s)")
    parser.add_argument(
        "--environments", type=Path, default=default_folder(), metavar="DIR", help="of the others (default %(default)s)"
    )
    parser.add_argument("--clean", action="store_true", help="share no package with this Python's environment")
    parser.add_argument("--write", action="store_true", help=f"write what is printed into benchmarks/{RESULT.name}")
    options = parser.parse_args()
    if not FEW < options.n < LARGE or options.rounds < 1:
        parser.error(f"--n is more than {FEW} and less than {LARGE}, --rounds 1 or more.")
    try:
        return measured(options)
    except Stop as stop:
        print(f"grading.py: {stop}", file=sys.stderr)
        return 2


def measured(options: argparse.Namespace) -> int:
    """Measure, print, write if asked. Returns 1 if a grader gave other points than are due."""
    graders, missing = chosen(options)
    before = os.getloadavg()[0]
    started = time.perf_counter()
    timings = in_turns(graders, options.n, options.rounds)
    lines = [
        *machine(before, options), "", *table(timings, options.n), "", *missing,
        *verdict(timings, options.n), *scores(timings), "",
        f"Measured in {(time.perf_counter() - started) / 60:.0f} minutes.",
    ]
    text = "\n".join(lines)
    print(text)
    if options.write:
        write(text, options)
    return int(any(timing.wrong for timing in timings))


def write(text: str, options: argparse.Namespace) -> None:
    """Put `text` below its mark in benchmarks/grading.md: there is one for each notebook and one for labkit alone."""
    what = "--short" if options.short else "the whole notebook"
    mark = f"<!-- measured with {'labkit alone' if 'nbgrader' in options.without else what} -->"
    before, found, rest = RESULT.read_text(encoding="utf-8").partition(mark)
    if not found:
        raise Stop(f"{RESULT} has no line {mark}. Put it back where the table belongs.")
    _, other, after = rest.partition("\n<!--")
    RESULT.write_text(f"{before}{mark}\n\n{text}\n{other}{after}", encoding="utf-8")


def chosen(options: argparse.Namespace) -> tuple[list[Grader], list[str]]:
    """What is measured, and sentences on what this version of labkit cannot be measured for."""
    known, missing = labkit_options(), []
    common = ("--sandbox", options.sandbox) if "--sandbox" in known else ()
    if not common:
        missing.append("- This labkit has no `--sandbox`: answers ran in processes of their own.")
    judge = (*common, "--no-nbval") if "--no-nbval" in known else common
    graders: list[Grader] = [
        Labkit(f"labkit, judge alone, {workers}", options.short, (*judge, "--workers", workers[0]))
        for workers in ("1 worker", "2 workers")
    ]
    if "nbval" in options.without:
        missing.append("- The nbval step was left out.")
    elif "--no-nbval" in known:
        graders += [
            Labkit(f"labkit, judge and nbval, {workers}", options.short, (*common, "--workers", workers[0]))
            for workers in ("1 worker", "2 workers")
        ]
    else:
        missing.append("- This labkit has no nbval step (no `--no-nbval`): only the judge was measured.")
    for tool, kind in (("nbgrader", NbGrader), ("otter", Otter)):
        if tool not in options.without:
            python = environment(tool, options.environments, options.clean)
            (name, version) = run([str(python), "-c", VERSION, PACKAGES[tool]], python.parent).split()[-2:]
            graders.append(kind(f"{name} {version}", options.short, python))
    return graders, missing


PACKAGES = {"nbgrader": "nbgrader", "otter": "otter-grader"}
VERSION = "import importlib.metadata, sys; print(sys.argv[1], importlib.metadata.version(sys.argv[1]))"


def in_turns(graders: list[Grader], count: int, rounds: int) -> list[Timed]:
    """Every grader in turn, `rounds` times, each time on FEW submissions and on all."""
    timings = [Timed(grader) for grader in graders]
    for number in range(rounds):
        for timing in timings:
            sizes = {FEW: (timing.few, timing.cpu_few), count: (timing.all, timing.cpu)}
            if timing.grader.title.startswith("labkit, judge alone"):
                sizes[LARGE] = (timing.large, timing.cpu_large)
            for size, (walls, cpus) in sizes.items():
                wall, cpu = one_run(timing, size)
                walls.append(wall)
                cpus.append(cpu)
                what = f"round {number + 1}, {timing.grader.title}, {size} submissions"
                print(f"{what}: {wall:.1f} s, of processors {cpu:.1f} s", file=sys.stderr)
    return timings


def one_run(timing: Timed, size: int) -> tuple[float, float]:
    """Seconds, and seconds of processor time of all processes, that one class in a new folder took."""
    grader, class_ = timing.grader, students(size)
    with tempfile.TemporaryDirectory(prefix="grading-") as name:
        folder = Path(name).resolve()
        grader.prepare(folder, class_)
        command, used, start = grader.command(folder, class_), processor_seconds(), time.perf_counter()
        run(command, folder)
        wall, cpu = time.perf_counter() - start, processor_seconds() - used
        timing.wrong.update(dict.fromkeys(wrong(grader.points(folder), class_)))
    return wall, cpu


def processor_seconds() -> float:
    """Of all processes of this machine: the system does not tell a parent what ended inside a sandbox."""
    used = psutil.cpu_times()
    return used.user + used.system


def machine(before: float, options: argparse.Namespace) -> list[str]:
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    busy = ": a busy machine, measure again" if before > 0.5 * cores else ""
    notebook = "the exercises and checks of lab 2 alone" if options.short else "the whole notebook of lab 2"
    return [
        f"{processor()}, {cores} cores, {platform.system()}  ",
        f"Python {platform.python_version()}, torch {torch.__version__}  ",
        f"{date.today()}, load before {before:.2f}, after {os.getloadavg()[0]:.2f}{busy}  ",
        f"{options.n} submissions of {notebook}, medians of {options.rounds}",
    ]


def table(timings: list[Timed], count: int) -> list[str]:
    """Markdown: a row for each grader; what it takes beside nbgrader, where that was measured."""
    peer = next((one for one in timings if isinstance(one.grader, NbGrader)), None)
    lines = [
        "| | a minute, start counted | × nbgrader | a minute, start not counted | × nbgrader "
        "| processor time of a further one, s | × nbgrader | start, s | points |",
        "| --- |" + " ---: |" * 8,
    ]
    for one in timings:
        each = one.further(count)
        cells = [
            one.grader.title,
            number(60 / one.whole(count), 1), number(ratio(one, peer, Timed.whole, count), 2),
            number(60 / each if each else None, 1), number(ratio(one, peer, Timed.further, count), 2),
            number(one.work(count), 2), number(ratio(one, peer, Timed.work, count), 2),
            number(one.start(count), 1), "as due" if not one.wrong else f"{len(one.wrong)} wrong",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def ratio(one: Timed, other: Timed | None, measure: Callable, count: int) -> float | None:
    """How many times as quick `one` is; None where one of the two could not be measured."""
    mine, theirs = measure(one, count), measure(other, count) if other else None
    return theirs / mine if mine and theirs else None


def number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def verdict(timings: list[Timed], count: int) -> list[str]:
    """What the project asks of these numbers, and whether they hold, by each way of reading them."""
    by_title = {one.grader.title: one for one in timings}
    peer = next((one.grader.title for one in timings if isinstance(one.grader, NbGrader)), "")
    judge, nbval = "labkit, judge alone, {}", "labkit, judge and nbval, {}"
    clock = {"start counted": Timed.whole, "start not counted": Timed.further}
    both = {**clock, "processor time": Timed.work}
    large = {f"start counted, {LARGE} submissions": Timed.class_, **clock}
    asked = [
        ("The judge, one worker", judge.format("1 worker"), peer, 10, "nbgrader", both),
        ("With the nbval step, one worker", nbval.format("1 worker"), peer, 1, "nbgrader", both),
        ("The judge, two workers", judge.format("2 workers"), judge.format("1 worker"), 1.6, "one worker", large),
        ("With nbval, two workers", nbval.format("2 workers"), nbval.format("1 worker"), 1.6, "one worker", clock),
    ]
    lines = []
    for what, mine, other, least, name, readings in asked:
        if mine not in by_title or other not in by_title:
            continue
        found = {how: ratio(by_title[mine], by_title[other], measure, count) for how, measure in readings.items()}
        told = ", ".join(f"{number(value, 2)} ({how})" for how, value in found.items())
        held = [how for how, value in found.items() if value is not None and value >= least]
        only = f"reached only by {', '.join(held)}" if held else "NOT reached"
        word = "reached" if len(held) == len(found) else only
        lines.append(f"- {what}: × {name} {told}; at least {least} wanted: {word}.")
    for one in timings:
        if one.large:
            seconds = statistics.median(one.large)
            rate = 60 * LARGE / seconds
            lines.append(f"- {one.grader.title}, {LARGE} submissions: {seconds:.0f} s, {rate:.0f} a minute.")
    return lines


def scores(timings: list[Timed]) -> list[str]:
    """Where a grader gave other points than are due: its time is no time for the same work."""
    return [
        f"- {one.grader.title} gave other points than are due: {sentence}."
        for one in timings
        for sentence in one.wrong
    ]


if __name__ == "__main__":
    sys.exit(main())
