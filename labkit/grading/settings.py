"""The instructor's settings: one small TOML file, every word of it checked on reading.

    [points]                      # of an exercise, in place of the course's own
    conv2d_forward = 6

    [marking]                     # most points of a written answer, given by hand
    lab02-write-up = 4

    [deadlines]
    lab02 = 2026-10-01T23:59:00+02:00

    [late]
    percent_a_day = 10            # taken off for each day that has begun
    days = 5                      # after so many days nothing is left

    [extensions.ana]              # a student, as the gradebook names them
    lab02 = 2026-10-08T23:59:00+02:00

    [limits]                      # seconds
    calls = 10
    load = 30

    [errors]
    carried_forward = 1.0         # of an answer's points, where only a helper it calls was wrong
"""

import tomllib
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from pathlib import Path

from labkit import asked
from labkit.asked import nearest
from labkit.errors import CommandError
from labkit.grading.limits import Limits

Point = int | float


@dataclass(frozen=True)
class Settings:
    """What the file says; without a file, the course's own points, no deadlines, and an error carried forward whole.

    days  how many days late are taken at all; None: lateness is told and costs nothing
    text  the file itself
    """

    points: dict[str, Point] = field(default_factory=dict)
    marking: dict[str, Point] = field(default_factory=dict)
    deadlines: dict[str, datetime] = field(default_factory=dict)
    extensions: dict[str, dict[str, datetime]] = field(default_factory=dict)
    percent_a_day: float = 0
    days: int | None = None
    limits: Limits = Limits()
    carried_forward: float = 1.0
    text: str = ""

    def worth(self, exercise: asked.Exercise) -> Point:
        """The points of an exercise."""
        return self.points.get(exercise.name, exercise.points)

    def deadline(self, student: str, lab: str) -> datetime | None:
        """When a lab is due for a student."""
        return self.extensions.get(student, {}).get(lab, self.deadlines.get(lab))

    def days_late(self, student: str, lab: str, handed_in: datetime | None) -> int:
        """Days after its deadline that a lab was handed in; a day that has begun counts whole. 0 where not known."""
        due = self.deadline(student, lab)
        if due is None or handed_in is None or handed_in <= due:
            return 0
        return int(-(-(handed_in - due).total_seconds() // 86_400))

    def kept(self, student: str, lab: str, handed_in: datetime | None) -> float:
        """The part of a lab's points that lateness leaves, 0 to 1."""
        late = self.days_late(student, lab, handed_in)
        if not late or self.days is None:
            return 1.0
        return 0.0 if late > self.days else max(0.0, 1 - late * self.percent_a_day / 100)


def read(path: Path) -> Settings:
    """The settings in the file at `path`. Raises CommandError that names the place and what to do."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise CommandError(f"{path} is no UTF-8 text: {error}.") from None
    return parsed(text, str(path))


def parsed(text: str, path: str) -> Settings:
    """The settings in a text; `path` is what errors call it. Raises CommandError."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CommandError(f"{path} is no TOML: {error}.") from None
    return replace(checked(tree, path), text=text)


def checked(tree: dict, path: str) -> Settings:
    """The settings in a parsed file."""
    tables = ("points", "marking", "deadlines", "late", "extensions", "limits", "errors")
    known(tree, tables, f"{path}: table")
    for name, table in tree.items():
        if not isinstance(table, dict):
            raise CommandError(f"{path}: {name} is no table: write [{name}] and its lines below.")
    exercises = [one.name for one in asked.exercises()]
    labs = sorted({one.lab for one in asked.exercises()})
    known(tree.get("points", {}), exercises, f"{path}: [points]")
    for table in ("points", "marking"):
        for name, value in tree.get(table, {}).items():
            number(value, f"{path}: [{table}] {name}", 0, 1000)
    times(tree.get("deadlines", {}), labs, f"{path}: [deadlines]")
    for student, table in tree.get("extensions", {}).items():
        if not isinstance(table, dict):
            raise CommandError(f"{path}: [extensions] {student}: write [extensions.{student}] and a line for each lab.")
        times(table, labs, f"{path}: [extensions.{student}]")
    late = tree.get("late", {})
    known(late, ("percent_a_day", "days"), f"{path}: [late]")
    if late and set(late) != {"percent_a_day", "days"}:
        raise CommandError(f"{path}: [late] needs both percent_a_day and days.")
    seconds = tree.get("limits", {})
    allowed = [one.name for one in fields(Limits) if one.type in (float, "float")]
    known(seconds, allowed, f"{path}: [limits]")
    errors = tree.get("errors", {})
    known(errors, ("carried_forward",), f"{path}: [errors]")
    return Settings(
        points=tree.get("points", {}),
        marking=tree.get("marking", {}),
        deadlines=tree.get("deadlines", {}),
        extensions=tree.get("extensions", {}),
        percent_a_day=number(late.get("percent_a_day", 0), f"{path}: [late] percent_a_day", 0, 100),
        days=whole(late["days"], f"{path}: [late] days") if late else None,
        limits=replace(
            Limits(), **{name: number(value, f"{path}: [limits] {name}", 0.1, 3600) for name, value in seconds.items()}
        ),
        carried_forward=number(errors.get("carried_forward", 1.0), f"{path}: [errors] carried_forward", 0, 1),
    )


def known(table: dict, names, where: str) -> None:
    for name in table:
        if name not in names:
            raise CommandError(f"{where} {name} is not known here; {nearest(name, list(names))}.")


def number(value: object, where: str, least: float, most: float) -> Point:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise CommandError(f"{where} is {value!r}; expected a number from {least:g} to {most:g}.")
    return value


def whole(value: object, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 366:
        raise CommandError(f"{where} is {value!r}; expected a whole number from 0 to 366.")
    return value


def times(table: dict, labs: list[str], where: str) -> None:
    known(table, labs, where)
    for name, value in table.items():
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise CommandError(
                f"{where} {name} is {value!s}; expected a date, a time and an offset, as in 2026-10-01T23:59:00+02:00."
            )
