"""`python benchmarks/grading_memory.py`: peak memory of `labkit grade` for 1,000 submissions beside 100.

The submissions are lab 2 untouched, but for a cell that makes each of them another one. Linux or macOS.
Told are two peaks, of `labkit` and all processes under it, read every 50 ms (short peaks are missed): the largest single
process, all its pages counted; and the sum, in which a page that processes share counts once where the system tells
(Linux, PSS), else in each of them.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil  # ipykernel brings it

from environments import Stop
from graders import Labkit, labkit_options, surroundings
from handed_in import SEAT, Student, handed_out, path, write

EVERY = 0.05  # seconds between two looks
MOST = 1.3  # times the memory for ten times the submissions


class Stubs(Labkit):
    """A class in which nobody has begun."""

    def prepare(self, folder: Path, students: list[Student]) -> None:
        import nbformat

        book = handed_out(self.short)
        for number, student in enumerate(students):
            book.cells.append(nbformat.v4.new_code_cell(f"{SEAT} = {number}", id="seat"))
            write(folder / "submissions" / student.name / path().name, book)
            book.cells.pop()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--few", type=int, default=100, help="submissions (default %(default)s)")
    parser.add_argument("--many", type=int, default=1000, help="submissions (default %(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="of labkit grade (default %(default)s)")
    parser.add_argument("--nbval", action="store_true", help="with the nbval step; left out otherwise")
    options = parser.parse_args()
    try:
        few, many = (peaks(count, options) for count in (options.few, options.many))
    except Stop as stop:
        print(f"grading_memory.py: {stop}", file=sys.stderr)
        return 2
    held = True
    for what, mine, theirs in zip(("largest process", "all processes together"), many, few):
        held &= mine <= MOST * theirs
        print(
            f"{what}: {theirs / 2**20:.0f} MiB for {options.few} submissions, {mine / 2**20:.0f} MiB for "
            f"{options.many}: {mine / theirs:.2f} times, at most {MOST} wanted"
        )
    print("reached" if held else "NOT reached")
    return int(not held)


def peaks(count: int, options: argparse.Namespace) -> tuple[int, int]:
    """Bytes: the most that one process held, and the most that all held at one look. Raises Stop if grading fails."""
    known = labkit_options()
    if options.nbval and "--no-nbval" not in known:
        raise Stop("This labkit has no nbval step. Leave out --nbval.")
    extra = ("--no-nbval",) if "--no-nbval" in known and not options.nbval else ()
    grader = Stubs("labkit", False, (*extra, "--workers", str(options.workers)))
    class_ = [Student(f"student{number:05}", {}, {}) for number in range(count)]
    with tempfile.TemporaryDirectory(prefix="grading-") as name:
        folder = Path(name).resolve()
        grader.prepare(folder, class_)
        with open(folder / "printed", "w+") as printed:
            started, largest, most = time.perf_counter(), 0, 0
            running = subprocess.Popen(
                grader.command(folder, class_), cwd=folder, env=surroundings(folder, Path(sys.executable)),
                stdin=subprocess.DEVNULL, stdout=printed, stderr=subprocess.STDOUT,
            )
            while running.poll() is None:
                one, all_ = held(running.pid)
                largest, most = max(largest, one), max(most, all_)
                time.sleep(EVERY)
            printed.seek(0)
            rows = folder / "grades" / "gradebook.csv"
            if running.returncode or not rows.is_file() or len(rows.read_text().splitlines()) != count + 1:
                raise Stop(f"labkit grade ended with status {running.returncode}:\n{printed.read()[-3000:]}")
    print(f"{count} submissions: graded in {time.perf_counter() - started:.0f} s", file=sys.stderr)
    return largest, most


def held(pid: int) -> tuple[int, int]:
    """Bytes that the largest of a process and all under it holds now, and that all hold together."""
    largest, total = 0, 0
    try:
        processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0, 0
    for process in processes:
        try:
            rss = process.memory_info().rss
            total += share(process, rss)
        except psutil.NoSuchProcess:  # ended in between
            continue
        largest = max(largest, rss)
    return largest, total


def share(process: psutil.Process, rss: int) -> int:
    """Of a process's bytes those that count as its own."""
    try:
        return process.memory_full_info().pss
    except (psutil.AccessDenied, AttributeError):  # a sandboxed process is not to be looked into; macOS tells no PSS
        return rss


if __name__ == "__main__":
    sys.exit(main())
