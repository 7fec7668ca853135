"""The grading folder: the secret seed, gradebook.csv, and a text of feedback for each student."""

import contextlib
import csv
import hashlib
import io
import os
import re
import secrets
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from labkit.asked import Exercise
from labkit.errors import CommandError
from labkit.grading.intake import Student
from labkit.grading.judge import Verdict
from labkit.grading.limits import MOST_PRINTED, MOST_TEXT
LEVEL = "none"

SEED, GRADEBOOK, FEEDBACK = "seed", "gradebook.csv", "feedback"
SEED_TEXT = re.compile(r"[0-9a-f]{64}\s*")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
PLAIN_NAME = re.compile(r"[\w][\w ,.'@+()-]{0,79}")
CHANGING = re.compile(r"\b0x[0-9a-fA-F]{6,16}\b|(?<=labkit-)\w{8}\b")  # addresses, folders: other ones each time
DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


@dataclass
class Record:
    """What was found out about one student.

    verdicts  by exercise; None where the submission could not be graded at all
    notes     by lab: sentences for the student
    flags     sentences for the instructor
    """

    student: Student
    verdicts: dict[str, Verdict] | None = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)


def open_folder(out: Path, submissions: Path) -> bytes:
    """Make or accept the grading folder `out` and give back its secret seed.

    Raises CommandError if `out` lies in the submissions, or they in it, or if it holds something
    else than grades.
    """
    here, there = out.resolve(), submissions.resolve()
    if here.is_relative_to(there) or there.is_relative_to(here):
        raise CommandError(
            f"{out} and {submissions} lie inside each other. Choose a folder of its own for the grades."
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
        strangers = sorted({path.name for path in out.iterdir()} - {SEED, GRADEBOOK, FEEDBACK})
        if (strangers or any(out.iterdir())) and not (out / SEED).is_file():
            raise CommandError(f"{out} is not empty, and it is no grading folder. Choose a new folder for --out.")
        return seed(out / SEED)
    except OSError as error:
        raise CommandError(f"{out} cannot be used for the grades: {error.strerror}.") from None


def seed(path: Path) -> bytes:
    """The secret seed kept in `path`; drawn now, and readable by its owner alone, if there is none."""
    if not path.exists():
        write_whole(path, secrets.token_hex(32) + "\n", mode=0o600)
    text = path.read_text(encoding="ascii", errors="replace")
    if not SEED_TEXT.fullmatch(text):
        raise CommandError(
            f"{path} does not hold a seed any more. Put the old one back, "
            "or choose a new --out: with another seed, grades are made from other numbers."
        )
    return bytes.fromhex(text)


def write_whole(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file whole or not at all."""
    handle, partial = tempfile.mkstemp(prefix=".", suffix=".partial", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        os.chmod(partial, mode)
        os.replace(partial, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial)
        raise


def write_grades(out: Path, records: list[Record], labs: dict[str, list[Exercise]]) -> None:
    """Write the feedback of every student, then the gradebook."""
    folder = out / FEEDBACK
    folder.mkdir(exist_ok=True)
    for record, name in zip(records, file_names([record.student for record in records])):
        write_whole(folder / name, feedback(record, labs))
    write_whole(out / GRADEBOOK, gradebook(records, labs))


def gradebook(records: list[Record], labs: dict[str, list[Exercise]]) -> str:
    """gradebook.csv: one row a student. Stretch exercises have a column and count nowhere else."""
    text = io.StringIO()
    writer = csv.writer(text)
    exercises = [one for lab in labs.values() for one in lab]
    titles = [f"{one.lab}.{one.name}" for one in exercises]
    writer.writerow(["student", *titles, *labs, "total", "max", "flags", "level"])
    names = Counter(record.student.name for record in records)
    for record in records:
        name, flags = record.student.name, record.flags
        if names[name] > 1:
            flags = [*flags, "another student has the same name"]
        if record.verdicts is None:
            scores = [""] * (len(exercises) + len(labs) + 1)
        else:
            scores = [record.verdicts[one.name].score for one in exercises]
            scores += [points(record.verdicts, lab) for lab in labs.values()]
            scores.append(points(record.verdicts, exercises))
        told = "; ".join(safe(flag[:MOST_TEXT], "") for flag in flags)
        writer.writerow([neutral(name), *scores, most(exercises), neutral(told), LEVEL])
    return text.getvalue()


def points(verdicts: dict[str, Verdict], exercises: Iterable[Exercise]) -> int:
    return sum(verdicts[one.name].score for one in exercises if one.core)


def most(exercises: Iterable[Exercise]) -> int:
    return sum(one.points for one in exercises if one.core)


def neutral(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def safe(text: str, keep: str = "\n\t") -> str:
    """Text in which everything is visible: control characters and marks of direction are written out."""
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text)


def feedback(record: Record, labs: dict[str, list[Exercise]]) -> str:
    """What a student reads: points and reports, exercise by exercise, lab by lab."""
    lines = [safe(record.student.name, "")]
    for lab, exercises in labs.items():
        if record.verdicts is None:
            lines += ["", f"{lab}: not graded. Ask your instructor."]
            continue
        lines += ["", f"{lab}: {points(record.verdicts, exercises)} of {most(exercises)} points"]
        lines += [line for note in record.notes.get(lab, []) for line in indented(note, "")]
        for one in exercises:
            verdict = record.verdicts[one.name]
            optional = "" if one.core else ", stretch"
            lines += ["", f"{one.name} ({verdict.score} of {one.points}{optional})"]
            lines += indented(verdict.text, "    ")
            if verdict.printed and verdict.score < one.points:
                lines += ["    On the small examples it printed:", *indented(verdict.printed[:MOST_PRINTED], "    | ")]
    return "\n".join(lines) + "\n"


def indented(text: str, prefix: str) -> list[str]:
    return [(prefix + line).rstrip() for line in safe(CHANGING.sub("…", text)).split("\n")]


def file_names(students: list[Student]) -> list[str]:
    """A name for each student's feedback that every file system takes, and no two alike.

    It is the student's own name where that is plain; else what is plain of it, and a mark of the rest.
    """
    folded = Counter(student.name.casefold() for student in students)
    return [f"{file_name(student, folded[student.name.casefold()] == 1)}.txt" for student in students]


def file_name(student: Student, unique: bool) -> str:
    name = student.name
    if unique and PLAIN_NAME.fullmatch(name) and not DEVICES.fullmatch(name) and not name.endswith((".", " ")):
        return name
    kept = re.sub(r"[^\w ,.'@+()-]", "_", name)[:60].strip(" .")
    return f"{kept or '_'}-{hashlib.sha256(os.fsencode(student.raw)).hexdigest()[:8]}"
