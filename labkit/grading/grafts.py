"""`labkit graft`: students' answers in the course's own notebooks, for an instructor's own `pytest --nbval-lax`."""

from pathlib import Path

from labkit.books import places
from labkit.books.notebook import write
from labkit.errors import CommandError
from labkit.grading import batch, intake
from labkit.grading.exports.files import Names
from labkit.grading.grafting import grafted
from labkit.grading.record import Record


def graft(
    submissions: Path, out: Path, course: Path | None = None, labs: tuple[str, ...] | None = None
) -> tuple[int, list[str]]:
    """Write every student's notebook of each lab, grafted, to a folder of theirs in the new folder `out`.

    Returns how many, and sentences for the instructor. Raises CommandError.
    """
    root = places.course_root(course)
    students, told = intake.students(submissions)
    names = batch.labs_of(root, students, labs)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CommandError(f"{out} is not empty. Name a folder that is new: nothing is written over.")
    ready = [batch.made_ready(root, name) for name in names]
    folders = Names([Record(one.name, one.raw) for one in students])
    written = 0
    for student in students:
        flags = list(student.told)
        books = batch.read_books(student, ready, flags)
        for lab in ready:
            handed, own = batch.chosen(books.get(lab.name, []), lab)
            flags += [f"{lab.name}: {flag}" for flag in handed.flags]
            if handed.file:
                target = out / folders.of(Record(student.name, student.raw)) / places.notebook_of(root, lab.name).name
                target.parent.mkdir(parents=True, exist_ok=True)
                write(target, grafted(lab.notebook, own.cells, lab.exercises, handed.prose))
                written += 1
        told += [f"{student.name}: {'; '.join(flags)}"] if flags else []
    return written, told
