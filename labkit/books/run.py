"""Run a learner's notebook from the top, as nbval does, and tell exercise by exercise what is right."""

import contextlib
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from labkit import asked
from labkit.books import places
from labkit.books.kernel import environment
from labkit.books.notebook import exercise_of, labkit_metadata, read
from labkit.errors import CommandError


STOPPED = 70  # exit status of pytest where record.py ended the run


@dataclass(frozen=True)
class Verdict:
    """One exercise. `state` is right, wrong, not yet or not run; `why` is empty where it is right."""

    exercise: str
    points: int
    state: str
    why: str = ""


@dataclass(frozen=True)
class Result:
    """A whole notebook. `failed` tells of cells that are no checks, `trouble` why it did not end."""

    verdicts: list[Verdict]
    failed: list[str]
    trouble: str = ""

    @property
    def status(self) -> int:
        """The exit status: 0 all right, 1 something is not, 2 the notebook did not run to its end."""
        if self.trouble:
            return 2
        return int(bool(self.failed) or any(verdict.state != "right" for verdict in self.verdicts))


def run_notebook(
    path: Path,
    cell_seconds: float = 120,
    seconds: float = 1200,
    progress: Callable[[int], None] = lambda cells: None,
) -> Result:
    """Run the notebook at `path` in a fresh kernel, checks strict. The file is not changed.

    progress is called with the number of cells done. Raises CommandError if it is no notebook or
    pytest itself fails.
    """
    exercises = exercises_in(read(path), path)
    with tempfile.TemporaryDirectory(prefix="labkit-check-") as folder:
        lines, status, words = run_pytest(path, Path(folder), cell_seconds, seconds, progress)
    if not lines or status not in (0, 1, STOPPED):
        tail = "\n".join(words.strip().splitlines()[-15:])
        raise CommandError(f"{path.name} could not be run; pytest ended with status {status}:\n{tail}")
    return Result(
        [verdict(exercise, lines) for exercise in exercises],
        [told_failure(line) for line in lines if line["outcome"] == "failed" and not line["check"]],
        told_trouble(lines[-1], cell_seconds, seconds),
    )


def run_pytest(path: Path, folder: Path, cell_seconds: float, seconds: float, progress):
    """Run nbval in a process of its own. Returns (lines of the record, exit status, pytest's words)."""
    record, words, settings = folder / "record", folder / "words", folder / "pytest.ini"
    settings.write_text("[pytest]\n", encoding="utf-8")  # the course's own settings are for its tests
    command = [
        # -P: a learner's random.py beside the notebook is the notebook's business, not pytest's.
        *(sys.executable, "-P", "-m", "pytest", "-q", "--color=no", "-c", settings, "--rootdir", folder),
        *("--noconftest", ".", "--labkit-only", path.name),
        *("-p", "nbval.plugin", "-p", "labkit.books.record", "-p", "no:cacheprovider"),
        *("--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout", str(cell_seconds + 60)),
        *("--labkit-record", record, "--labkit-cell-seconds", str(cell_seconds)),
        *("--labkit-seconds", str(seconds)),
    ]
    # Only the plugins named above: what else is installed cannot change what a learner is told.
    env = {**environment(), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    env.pop("PYTEST_ADDOPTS", None)
    with words.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=path.resolve().parent,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            wait(process, record, time.monotonic() + seconds + 90, progress)
        except BaseException:
            # At Ctrl-C pytest has got it too, and shuts its kernel down.
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()
            process.wait()
            raise
    lines = [json.loads(line) for line in record_lines(record)]
    return lines, process.returncode, words.read_text(encoding="utf-8", errors="replace")


def wait(process: subprocess.Popen, record: Path, deadline: float, progress) -> None:
    """Wait for the process, telling how many cells are done. Raises CommandError at the deadline."""
    while process.poll() is None:
        progress(len(record_lines(record)))
        if time.monotonic() > deadline:
            raise CommandError("The run did not stop when its time was up. It was ended.")
        time.sleep(0.1)


def record_lines(record: Path) -> list[str]:
    """The complete lines written so far."""
    if not record.exists():
        return []
    return record.read_text(encoding="utf-8").split("\n")[:-1]


def exercises_in(notebook, path: Path) -> list[asked.Exercise]:
    """The exercises of the notebook's lab, or those its cells name, in course order."""
    named = {exercise_of(cell) for cell in notebook.cells}
    named |= {labkit_metadata(cell).get("check") for cell in notebook.cells}
    lab = notebook.metadata.get("labkit", {}).get("lab")
    if lab is None:
        with contextlib.suppress(CommandError):
            lab = places.lab_of(path)
    found = [one for one in asked.exercises() if one.lab == lab or one.name in named]
    if not found:
        raise CommandError(f"{path.name} is no lab of this course: it asks for nothing labkit knows.")
    if all(cell.cell_type != "code" for cell in notebook.cells):
        raise CommandError(f"{path.name} holds no code, so there is nothing to run.")
    return found


def verdict(exercise: asked.Exercise, lines: list[dict]) -> Verdict:
    """What the check cells of one exercise say; where there are several, all must be right."""
    own = [line for line in lines if line["check"] == exercise.name]
    verdicts = [Verdict(exercise.name, exercise.points, *state(exercise.name, line)) for line in own]
    not_right = [one for one in verdicts if one.state != "right"]
    if not verdicts:
        why = "" if lines[-1]["outcome"] == "stopped" else f"There is no check({exercise.name}) in the notebook."
        return Verdict(exercise.name, exercise.points, "not run", why)
    return (not_right or verdicts)[0]


def state(name: str, line: dict) -> tuple[str, str]:
    """State and reason from one check cell."""
    if line["outcome"] == "passed":
        return "right", ""
    if line["outcome"] in ("stopped", "skipped"):
        return "not run", ""
    if line["error"] != "CheckFailed":
        return "wrong", raised(line)
    if line["text"].startswith(f"{name}: not yet"):
        return "not yet", ""
    return "wrong", reason(line["text"])


def reason(report: str) -> str:
    """The sentences of a report that name the mistakes, or its verdict where none is named."""
    verdict, *rest = report.splitlines()
    told = itertools.takewhile(lambda line: not line.startswith("Cases that fail"), rest)
    named = [line for line in told if not line.startswith(("Smallest one:", " "))]
    return " ".join(named) or verdict


def raised(line: dict) -> str:
    """The error a cell ended with, in one line: "NameError: name 'zero_pad' is not defined"."""
    text = next((part.strip() for part in line["text"].splitlines() if part.strip()), "")
    return ": ".join(part for part in (line["error"], text) if part)


def told_failure(line: dict) -> str:
    """A sentence on a cell that is no check and raised."""
    whose = f"the cell of {line['exercise']}" if line["exercise"] else f"the cell that begins with `{line['begins']}`"
    return f"{whose} raised {raised(line)}"


def told_trouble(line: dict, cell_seconds: float, seconds: float) -> str:
    """Why the run was ended, from its last line; empty if it was not."""
    if line["outcome"] != "stopped":
        return ""
    if line["error"] == "start":
        return f"Nothing was run, because no kernel could be started: {line['text']}. Give the command once more."
    what = {
        "died": "the kernel died",
        "cell": f"a cell took longer than {cell_seconds:g} s",
        "total": f"the notebook took longer than {seconds:g} s",
    }[line["error"]]
    return f"Stopped: {what}, in the cell that begins with `{line['begins']}`. What comes after it was not run."
