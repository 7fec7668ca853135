"""The nbval step: `pytest --nbval-lax` on a whole notebook, away from everything; what came of it, cell by cell.

It shows what a student would see. What comes back is bounded and checked in form, and earns no points
unless the instructor asked for that: in this step the student's code runs in the kernel that says what it did.
"""

import contextlib
import json
import queue
import re
import struct
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from nbformat import NotebookNode

import labkit
from labkit.asked import Exercise
from labkit.books.notebook import checked_by, exercise_of, labkit_metadata, text
from labkit.books.run import STOPPED
from labkit.grading import wire
from labkit.grading.limits import MOST_CELL, MOST_CELLS, MOST_PRINTED, Limits
from labkit.grading.record import Cell
from labkit.grading.sandbox import bwrap, inner
from labkit.grading.sandbox import notebook as sandbox
from labkit.grading.warm import ENVIRONMENT, FLAGS, Launch, NoWorld, Warm, passed

BOOT = "import sys; sys.path += sys.argv[1:]; from labkit.grading.nbval_inside import main; main()"
INSIDE = ENVIRONMENT | {"LABKIT_STRICT": "1", "KERAS_BACKEND": "torch", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
INSIDE |= {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
GRACE = 5  # seconds for the process to notice by itself that time is up
ENDS = (0, 1, STOPPED)  # exit statuses of pytest that are no surprise
# What notebooks of the course import, beside NumPy.
LOADED = ("torch", "keras", "matplotlib.pyplot", "ipywidgets", "labkit.checks.judging", "labkit.references")
ADDRESS = re.compile(r"\b0x[0-9a-f]{6,16}\b")  # of objects in memory: another one each time


def verdicts(cells: Iterable[Cell], exercises: Iterable[Exercise]) -> dict[str, tuple[bool, str]]:
    """Whether all checks of an exercise passed, and what the first that did not says; by name."""
    cells = list(cells)
    found = {}
    for one in exercises:
        checks = [cell for cell in cells if cell.check == one.name]
        failed = [cell for cell in checks if cell.outcome != "passed"]
        if not checks:
            found[one.name] = (False, f"{one.name}: the notebook has no check of it.")
        elif failed:
            found[one.name] = (False, failed[0].text or f"{one.name}: its check was not run.")
        else:
            found[one.name] = (True, "")
    return found


class Tester(Warm):
    """A process that has loaded pytest, torch, keras and matplotlib ahead and tests one notebook after another.

    Each notebook gets a fork in a world of its own; where one had to be ended from outside, the process is
    thrown away and another started. load: modules to load ahead.
    """

    fork = sys.platform == "linux"  # elsewhere libraries that are loaded before a fork may fail after it
    what = "the process that tests notebooks"

    def __init__(self, limits: Limits = Limits(), level: str = "bwrap", load: tuple[str, ...] = LOADED):
        super().__init__(limits, level)
        self.load = load

    def launch(self, stack: contextlib.ExitStack) -> Launch:
        if self.level == "none":
            folder = tempfile.TemporaryDirectory(prefix="labkit-", ignore_cleanup_errors=True)
            folder = stack.enter_context(folder)
            here = str(Path(labkit.__file__).resolve().parent.parent)
            environment = INSIDE | passed() | dict.fromkeys(("HOME", "TMPDIR", "TEMP"), folder) | {"PYTHONPATH": here}
            return Launch([sys.executable, *FLAGS, "-c", BOOT, here, *sandbox.packages()], environment, folder)
        executable, paths, world = sandbox.world(INSIDE | passed())
        return Launch(bwrap.command(world, [executable, *FLAGS, "-c", BOOT, *paths]), {})

    def first(self) -> dict[str, object]:
        limits = self.limits
        times = {"cell": limits.cell, "seconds": limits.notebook, "start": limits.start}
        space = {"memory": limits.torch, "file": limits.file, "cpu": int(limits.notebook) + limits.cpu}
        return {"load": self.load} | times | space

    def run(self, notebook: NotebookNode) -> tuple[tuple[Cell, ...], str]:
        """Test a notebook: what each of its code cells did, and why it did not come to its end, or "".

        Raises JudgeError where it could not be begun, which is the machine's fault, and Stopped.
        """
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        if len(code) > MOST_CELLS:
            return (), f"it has {len(code)} cells of code, more than {MOST_CELLS}"
        try:
            return self.tested(notebook, code)
        except NoWorld:
            if not self.begin_without_worlds():
                raise
        return self.tested(notebook, code)

    def tested(self, notebook: NotebookNode, code: list[NotebookNode]) -> tuple[tuple[Cell, ...], str]:
        """As `run`. Raises NoWorld, too."""
        self.spoiled = True
        try:
            self.wait_until_ready()
            self.send({"notebook": text(notebook)})
            return self.told(code)
        finally:
            if self.spoiled or self.serves_one:
                self.stop()
                if not Warm.stopped.is_set():
                    self.start()  # it loads while others are judged

    def told(self, cells: list[NotebookNode]) -> tuple[tuple[Cell, ...], str]:
        """What is told of `cells` until the end, or until time is up; and why it was not the end, or ""."""
        found: list[Cell] = []
        how = ""
        try:
            for line in self.lines(len(cells)):
                if how:
                    raise wire.Malformed("more after the end")
                cell = cells[len(found)]
                outcome, said, how = believed(line, cell, self.limits)
                found.append(described(cell, outcome, said))
            self.spoiled = False
        except queue.Empty:
            how = self.late(cells[min(len(found), len(cells) - 1)])
        except wire.Malformed:
            how = "it gave no readable answer"
        except Ended as end:
            how = str(end)
        if not how and len(found) < len(cells):
            how = "pytest ended before its last cell"
        rest = [described(cell, "not run", "") for cell in cells[len(found) :]]
        return (*found, *rest), how

    def lines(self, most: int) -> Iterator[bytes]:
        """What is told, line by line, no more than `most`, until the fork has ended.

        Raises queue.Empty when time is up, Ended where it ended in another way, Malformed.
        """
        end = time.monotonic() + self.limits.notebook + GRACE
        buffer, lines = b"", 0
        self.cell_end = time.monotonic() + self.limits.start + self.limits.cell + GRACE
        while True:
            packet = self.next(min(end, self.cell_end) - time.monotonic())
            if packet is None:
                raise Ended(f"it ended without an answer (exit status {self.process.wait()})")
            if packet[0] == wire.DONE:
                status = struct.unpack(">q", packet[1])[0]
                if status == inner.NO_WORLD:
                    raise NoWorld
                if status not in ENDS:
                    raise Ended(f"pytest ended without an answer (exit status {status})")
                return
            buffer += packet[1]
            *whole, buffer = buffer.split(b"\n")
            lines += len(whole)
            longest = max(map(len, [*whole, buffer]))
            if packet[0] != wire.DATA or lines > most or longest > MOST_CELL:
                raise wire.Malformed("more than a notebook tells")
            for line in whole:
                self.cell_end = time.monotonic() + self.limits.cell + GRACE
                yield line

    def late(self, cell: NotebookNode) -> str:
        """Which time was up in `cell`."""
        return stopped("total" if time.monotonic() < self.cell_end else "cell", cell, self.limits)


class Ended(Exception):
    """It ended in another way than it should; the text says how."""


def believed(line: bytes, cell: NotebookNode, limits: Limits) -> tuple[str, str, str]:
    """Outcome and text of `cell` from its line, and why it was the last one, or "". Raises Malformed."""
    try:
        came = json.loads(line)
    except (ValueError, RecursionError):
        raise wire.Malformed("no JSON") from None
    if not isinstance(came, dict) or came.get("cell") != cell.id:
        raise wire.Malformed("another cell")
    outcome, error, said = (came.get(key) for key in ("outcome", "error", "text"))
    if not all(isinstance(one, str) for one in (outcome, error, said)):
        raise wire.Malformed("no text")
    if outcome == "passed":
        return "passed", "", ""
    if outcome == "skipped":
        return "not run", "it is marked to be skipped", ""
    if outcome == "stopped":
        how = stopped(error, cell, limits)
        return "failed", how, how
    if outcome != "failed":
        raise wire.Malformed("no outcome")
    whole = said if error == "CheckFailed" else ": ".join(part for part in (error, said) if part)
    return "failed", ADDRESS.sub("0x…", whole)[:MOST_PRINTED], ""


def stopped(why: str, cell: NotebookNode, limits: Limits) -> str:
    """Why it stopped in `cell`."""
    what = {
        "died": "the kernel died",
        "cell": f"a cell took longer than {limits.cell:g} s",
        "total": f"the notebook took longer than {limits.notebook:g} s",
        "start": "the kernel did not start",
    }.get(why)
    if what is None:
        raise wire.Malformed("no reason")
    return f"{what}, in the cell that begins with `{begins(cell)}`"


def described(cell: NotebookNode, outcome: str, said: str) -> Cell:
    check = labkit_metadata(cell).get("check") or checked_by(cell)
    return Cell(begins(cell), exercise_of(cell) or "", check or "", outcome, said)


def begins(cell: NotebookNode) -> str:
    """The first line of a cell that says something, shortened."""
    return next((line.strip() for line in cell.source.split("\n") if line.strip()), "")[:80]
