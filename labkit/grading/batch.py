"""Grade a whole folder of submissions."""

import argparse
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from labkit import asked
from labkit.asked import Exercise
from labkit.books import places
from labkit.errors import CommandError
from labkit.grading import answers, gradebook, intake
from labkit.grading.gradebook import Record
from labkit.grading.intake import Book, Student, Unreadable
from labkit.grading.judge import Question, question, verdict
from labkit.grading.limits import MOST_CODE, Limits
from labkit.grading.process import Answer, Collected, JudgeError, Process, Stopped, collect

NO_SANDBOX = (
    "There is no sandbox yet: answers run in processes of their own, with time limits, but with your rights. "
    "They can read your files. Grade only a class you trust, or on a machine made for it."
)

# Student code runs in processes, so threads are enough to hand it out. Judging and reading code
# change what belongs to the whole process (which warnings are recorded, torch's threads): one at a time.
ALONE = threading.Lock()


@dataclass(frozen=True)
class Lab:
    """A lab of the course, ready to grade."""

    name: str
    given: answers.Given
    questions: list[Question]

    @property
    def exercises(self) -> list[Exercise]:
        return [one.exercise for one in self.questions]


def command(args: argparse.Namespace) -> int:
    """`labkit grade`: grade, write, tell. Returns 0 if every submission was graded, else 1."""
    console = Console(stderr=True)
    console.print(NO_SANDBOX, style="yellow", highlight=False, soft_wrap=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("Grading", total=None)
        records, ignored = grade(
            args.submissions,
            args.out,
            course=args.course,
            labs=args.labs,
            workers=args.workers,
            progress=lambda done, of: progress.update(task, completed=done, total=of),
        )
    return tell(records, ignored, args.out)


def tell(records: list[Record], ignored: list[str], out: Path) -> int:
    """Print what was done. Returns the exit status."""
    console = Console()

    def say(line: str) -> None:
        console.print(escape(gradebook.safe(line, "")), highlight=False, soft_wrap=True)

    for record in records:
        if record.flags:
            say(f"{record.student.name}: {'; '.join(record.flags)}")
    if ignored:
        say(f"Not looked at, because only folders and notebooks count: {', '.join(ignored)}")
    missing = sum(record.verdicts is None for record in records)
    if missing:
        say(f"{missing} of {len(records)} submissions could not be graded; their rows are empty.")
    say(f"Graded {len(records) - missing} of {len(records)} submissions: {out / gradebook.GRADEBOOK}")
    return 1 if missing else 0


def grade(
    submissions: Path,
    out: Path,
    course: Path | None = None,
    labs: list[str] | None = None,
    workers: int = 1,
    limits: Limits = Limits(),
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> tuple[list[Record], list[str]]:
    """Grade everyone in `submissions`, write gradebook and feedback to `out`.

    course: the course folder (found upwards from here if None). labs: names or numbers (all of the
    course if None). Returns the records in the gradebook's order, and the names of files that were
    ignored. Nothing is written before all is done. Raises CommandError.
    """
    if workers < 1:
        raise CommandError(f"--workers is {workers}; expected 1 or more.")
    root = places.course_root(course)
    students, ignored = intake.students(submissions)
    chosen = notebooks_of(root, labs)
    secret = gradebook.open_folder(out, submissions)
    ready = [made_ready(lab, path, secret) for lab, path in chosen.items()]
    records = graded_all(students, ready, workers, limits, progress)
    gradebook.write_grades(out, records, {lab.name: lab.exercises for lab in ready})
    return records, ignored


def notebooks_of(root: Path, labs: list[str] | None) -> dict[str, Path]:
    """The notebooks to grade by lab, in course order. Raises CommandError."""
    there = [places.lab_of(path) for path in places.notebooks(root)]
    known = {one.lab for one in asked.exercises()}
    wanted = {places.lab_of(places.notebook_of(root, lab)) for lab in labs or there}
    if strange := sorted(wanted - known) if labs else []:
        raise CommandError(f"{', '.join(strange)} has no exercises to grade.")
    chosen = {lab: places.notebook_of(root, lab) for lab in sorted(wanted & known)}
    if not chosen:
        raise CommandError(f"There are no notebooks with exercises in {root / 'notebooks'}.")
    return chosen


def made_ready(name: str, path: Path, secret: bytes) -> Lab:
    exercises = [one for one in asked.exercises() if one.lab == name]
    return Lab(name, answers.given(path), [question(one, secret) for one in exercises])


def graded_all(
    students: list[Student], labs: list[Lab], workers: int, limits: Limits, progress: Callable[[int, int], None]
) -> list[Record]:
    """The records in the order of the students. Ctrl-C ends what runs, and is raised."""
    Process.stopped.clear()
    progress(0, len(students))
    with ThreadPoolExecutor(workers) as pool:
        try:
            futures = [pool.submit(recorded, student, labs, limits) for student in students]
            for done, _ in enumerate(as_completed(futures), 1):
                progress(done, len(students))
        except KeyboardInterrupt:
            Process.stop_all()
            pool.shutdown(cancel_futures=True)
            raise
    return [future.result() for future in futures]


def recorded(student: Student, labs: list[Lab], limits: Limits) -> Record:
    """The record of one student; one without verdicts where grading itself fails, so that the batch goes on."""
    try:
        return graded(student, labs, limits)
    except Stopped:
        raise
    except (JudgeError, OSError) as error:
        why = str(error)
    except Exception as error:  # what bytes from a student can do to the grader is not all foreseen
        why = f"the grader failed ({type(error).__name__}: {error})"
    return Record(student, verdicts=None, flags=[*student.told, f"not graded: {why}"])


def graded(student: Student, labs: list[Lab], limits: Limits) -> Record:
    """The record of one student."""
    record = Record(student, flags=list(student.told))
    books = read_books(student, labs, record.flags)
    for lab in labs:
        notes = record.notes.setdefault(lab.name, [])
        with ALONE:
            name, own = chosen_book(books.get(lab.name, []), lab, record.flags)
        if not name:
            record.flags.append(f"{lab.name}: no notebook")
            notes.append("No notebook of this lab was handed in that could be read.")
        if own.cells:
            collected = collect(own.cells, [one.task for one in lab.questions], limits)
        else:
            collected = Collected({}, [], [])
        with ALONE:
            for one in lab.questions:
                answer = collected.answers.get(one.key, Answer(instead="nothing"))
                found = verdict(one, answer, one.exercise.name in own.stubs)
                record.verdicts[one.exercise.name] = found
                if found.trouble:
                    record.flags.append(f"{one.exercise.name}: {found.trouble}")
        tell_cells(own.cells, collected, lab.name, notes, record.flags)
    return record


def read_books(student: Student, labs: list[Lab], flags: list[str]) -> dict[str, list[tuple[str, Book]]]:
    """The student's notebooks that can be read, by lab: (file name, code)."""
    books: dict[str, list[tuple[str, Book]]] = {}
    for path in student.notebooks:
        try:
            book = intake.read_book(path)
            if sum(map(len, book.sources)) > MOST_CODE:
                raise Unreadable(f"holds more than {MOST_CODE} characters of code")
        except Unreadable as reason:
            flags.append(f"{path.name} {reason}")
            continue
        if book.damaged:
            flags.append(f"{path.name}: {book.damaged} cells could not be read")
        lab = lab_of(book, path, labs)
        if not lab and path.name != places.WELCOME:
            flags.append(f"{path.name} belongs to no lab of this course")
        books.setdefault(lab, []).append((path.name, book))
    return books


def lab_of(book: Book, path: Path, labs: list[Lab]) -> str:
    """The lab a notebook belongs to, by its metadata, else its name, else its exercises; "" for none."""
    known = {one.lab for one in asked.exercises()}
    for lab in (book.lab, intake.lab_by_name(path)):
        if lab in known:
            return lab
    found = {lab.name: answers.answered(book.sources, lab.exercises) for lab in labs}
    best = max(found, key=found.get)
    return best if found[best] else ""


def chosen_book(books: list[tuple[str, Book]], lab: Lab, flags: list[str]) -> tuple[str, answers.Own]:
    """The notebook that counts, by name and its own cells: of several, the one with the most answers."""
    found = [(name, answers.own(book.sources, lab.given, lab.exercises)) for name, book in books]
    if not found:
        return "", answers.Own([], frozenset())
    best = max(found, key=lambda one: answers.answered(one[1].cells, lab.exercises))
    if len(found) > 1:
        others = ", ".join(one[0] for one in found if one is not best)
        flags.append(f"{lab.name}: {len(found)} notebooks; {best[0]} has the most answers and counts, not {others}")
    return best


def tell_cells(cells: list[str], collected: Collected, lab: str, notes: list[str], flags: list[str]) -> None:
    """Tell the student which cells that define something stopped, and both which were cut short."""
    for number, line, sentence in collected.errors:
        if 0 <= number < len(cells) and any(word in cells[number] for word in ("def ", "class ", "lambda")):
            notes.append(f"The cell that begins {beginning(cells[number])} stopped at its line {line}: {sentence}")
    for lost in collected.lost:
        if lost.cell < len(cells):
            begins = beginning(cells[lost.cell])
            notes.append(f"The cell that begins {begins} {lost.how}. It was left out from there on.")
            flags.append(f"{lab}: a cell {lost.how} and was left out")


def beginning(cell: str) -> str:
    """The first line of a cell that says something, in quotes."""
    first = next((line.strip() for line in cell.split("\n") if line.strip()), "")
    return f'"{first[:60]}"'
