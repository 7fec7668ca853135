"""The graders that are measured: what each is given, its command, and the points it gave."""

import csv
import json
import os
import subprocess
import sys
import zipfile
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from environments import HERE, ROOT, Stop
from handed_in import (
    LAB, NAMES, Student, for_nbgrader, for_otter, handed_in, handed_out, otter_test, path, write,
)

Points = dict[str, dict[str, float]]  # by student, then by exercise


@dataclass(frozen=True)
class Grader(ABC):
    """One way to grade a class. `short`: the notebook's exercises and checks alone.

    `prepare` is not timed: a course is set up once. `command` is run in the folder and timed; then `points` reads.
    """

    title: str
    short: bool

    @abstractmethod
    def prepare(self, folder: Path, students: list[Student]) -> None: ...

    @abstractmethod
    def command(self, folder: Path, students: list[Student]) -> list[str]: ...

    @abstractmethod
    def points(self, folder: Path) -> Points: ...


@dataclass(frozen=True)
class Labkit(Grader):
    """`labkit grade` with this tree's labkit and the running Python."""

    options: tuple[str, ...] = ()

    def prepare(self, folder, students):
        for student in students:
            write(folder / "submissions" / student.name / path().name, handed_in(student, self.short))
        if self.short:
            write(folder / "course" / "notebooks" / path().name, handed_out(short=True))
            for part in ("labkit", "solutions"):
                (folder / "course" / part).symlink_to(ROOT / part, target_is_directory=True)

    def command(self, folder, students):
        course = str(folder / "course") if self.short else str(ROOT)
        where = [str(folder / "submissions"), "--out", str(folder / "grades"), "--course", course]
        return [sys.executable, "-m", "labkit", "grade", *where, *self.options, "--labs", LAB]

    def points(self, folder):
        with open(folder / "grades" / "gradebook.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return {
            row["student"]: {name: float(cell) for name in NAMES if (cell := row[f"{LAB}.{name}"])} for row in rows
        }


@dataclass(frozen=True)
class NbGrader(Grader):
    """`nbgrader autograde`: the whole notebook in a kernel for each submission."""

    python: Path = Path()

    def prepare(self, folder, students):
        write(folder / "source" / LAB / path().name, for_nbgrader(handed_out(self.short), source=True))
        (folder / "nbgrader_config.py").write_text('c = get_config()\nc.CourseDirectory.course_id = "course"\n')
        for student in students:
            notebook = for_nbgrader(handed_in(student, self.short))
            write(folder / "submitted" / student.name / LAB / path().name, notebook)
        run([str(self.python), "-m", "nbgrader", "generate_assignment", LAB], folder)

    def command(self, folder, students):
        return [str(self.python), "-m", "nbgrader", "autograde", LAB]

    def points(self, folder):
        printed = run([str(self.python), str(HERE / "nbgrader_scores.py")], folder)
        found = json.loads(printed.splitlines()[-1])
        return {
            student: {name.removeprefix("check-"): score for name, score in scores.items()}
            for student, scores in found.items()
        }


@dataclass(frozen=True)
class Otter(Grader):
    """otter-grader's `grade_submission`, all submissions in one process."""

    python: Path = Path()

    def prepare(self, folder, students):
        for student in students:
            write(folder / student.name / path().name, for_otter(handed_in(student, self.short)))
        with zipfile.ZipFile(folder / "autograder.zip", "w") as archive:
            archive.writestr("otter_config.json", json.dumps({"lang": "python", "print_summary": False}))
            for name in NAMES:
                archive.writestr(f"tests/{name}.py", otter_test(name))

    def command(self, folder, students):
        notebooks = [str(folder / student.name / path().name) for student in students]
        return [str(self.python), str(HERE / "otter_grade.py"), "autograder.zip", "points.json", *notebooks]

    def points(self, folder):
        return json.loads((folder / "points.json").read_text())


def surroundings(folder: Path, python: Path) -> dict[str, str]:
    """What a grader runs in: its environment as if activated, nothing of the user's own Jupyter, this tree's labkit."""
    private = {name: str(folder / ".own" / name.lower()) for name in (
        "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "MPLCONFIGDIR"
    )}
    private["PATH"] = os.pathsep.join([str(python.parent), os.environ.get("PATH", os.defpath)])
    strict = {"LABKIT_STRICT": "1"}  # a stub counts as wrong, whoever grades
    return {**os.environ, **private, **strict, "PYTHONPATH": str(ROOT)}


def run(command: list[str], folder: Path) -> str:
    """Run a command in `folder`; what it printed. Raises Stop with the end of it if the command fails."""
    done = subprocess.run(
        command, cwd=folder, env=surroundings(folder, Path(command[0])), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
    )
    if done.returncode:
        raise Stop(f"{' '.join(command[:6])} … ended with status {done.returncode}:\n{done.stdout[-3000:]}")
    return done.stdout


def wrong(given: Points, students: list[Student]) -> list[str]:
    """Where the points given are not those that are due, in words."""
    return [
        f"{student.name}, {name}: {given.get(student.name, {}).get(name, 'nothing')} given, {due} due"
        for student in students
        for name, due in student.due.items()
        if given.get(student.name, {}).get(name) != due
    ]


def labkit_options() -> str:
    """The help of `labkit grade`: which options this version has."""
    return run([sys.executable, "-m", "labkit", "grade", "--help"], ROOT)
