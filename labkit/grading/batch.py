"""Grade a whole folder of submissions: read, do what is not done yet, write down each result, export."""

import contextlib
import hashlib
import importlib.metadata
import platform
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path

from nbformat import NotebookNode

import labkit
from labkit import asked
from labkit.books import places
from labkit.books.notebook import read, text
from labkit.books.solutions import read_solutions
from labkit.errors import CommandError
from labkit.grading import answers, crew, exports, folder, intake, settings
from labkit.grading.intake import Book, Student, Unreadable, Upload
from labkit.grading.job import Job
from labkit.grading.journal import Journal, Person
from labkit.grading.limits import MOST_CODE
from labkit.grading.points import Sheet
from labkit.grading.record import Entry, Handed, Record
from labkit.grading.settings import Settings

# Files of labkit that a lab's results depend on, beside the lab's own.
COUNTING = ("asked/exercise.py", "asked/__init__.py", "references/*.py", "checks/*.py", "layers/*.py", "grading/*.py",
            "grading/sandbox/*.py")  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """How a batch is graded.

    labs     names or numbers; None: those that somebody has handed in
    nbval    whether the notebooks are run under nbval, too
    points   whose verdict earns the points: "judge" or "nbval"
    level    the sandbox: "bwrap" or "none"
    """

    labs: tuple[str, ...] | None = None
    nbval: bool = True
    points: str = "judge"
    level: str = "bwrap"
    settings: Settings = Settings()


@dataclass(frozen=True)
class Lab:
    """A lab of the course, ready to grade."""

    name: str
    notebook: NotebookNode
    given: answers.Given
    helpers: dict[str, str]
    course: str

    @property
    def exercises(self) -> list[asked.Exercise]:
        return list(asked.lab(self.name).EXERCISES)


@dataclass
class Tally:
    """What a batch did.

    kept     results that were there already
    graded   notebooks that were run
    failed   submissions without a grade
    ignored  what lay there and is nobody's
    told     sentences for the instructor, students named
    """

    students: int = 0
    kept: int = 0
    graded: int = 0
    failed: int = 0
    ignored: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    written: list[Path] = field(default_factory=list)


Hire = Callable[[], contextlib.AbstractContextManager[Executor]]


def grade(
    submissions: Path,
    out: Path,
    plan: Plan,
    course: Path | None = None,
    hire: Hire | None = None,
    at_once: int = 1,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Tally:
    """Grade everyone in `submissions`, write every export to `out`.

    course: the course folder (found upwards from here if None). hire: gives the executor that does the
    jobs (one process of this machine if None); at_once: how many jobs it gets at a time. What `out`'s
    journal holds already is not run again. Raises CommandError.
    """
    root = places.course_root(course)
    tally = Tally()
    students, tally.ignored = intake.students(submissions)
    labs = labs_of(root, students, plan.labs)
    secret = folder.open_folder(out, submissions)
    with Journal(out) as journal:
        ready = {lab: made_ready(root, lab) for lab in labs}
        tally.students = len(students)
        progress(0, len(students))
        hire = hire or (lambda: crew.processes(1))
        facts = {"labs": list(ready), "settings": plan.settings.text}
        with journal.roll(facts) as add:
            jobs = unfinished(students, ready, plan, secret, journal, add, tally)
            for job, result in crew.results(jobs, hire, at_once):
                journal.put(job.key, result)
                tally.graded += 1
                progress(tally.kept + tally.graded, len(students) * len(ready))
        for record in records(journal):
            tally.failed += not record.graded
            tally.told += [f"{record.student}: {'; '.join(flags)}"] if (flags := list(record.all_flags())) else []
        tally.written = export(out, journal, root, tell=tally.told.append)
    return tally


def export(
    out: Path,
    journal: Journal,
    root: Path,
    changed: Settings | None = None,
    tell: Callable[[str], None] = lambda sentence: None,
) -> list[Path]:
    """Write every export from the journal alone. changed: settings in place of those it was graded with.

    tell: gets sentences for the instructor. Raises CommandError where nothing has been graded yet.
    """
    facts = journal.facts()
    if not facts:
        raise nothing_graded(out)
    labs = {name: list(asked.lab(name).EXERCISES) for name in facts["labs"]}
    sheet = Sheet(labs, exports.questions(root, labs), changed or settings.parsed(facts["settings"], "the settings"))
    sheet = exports.with_marks(out, sheet)
    return exports.write(out, lambda: records(journal), sheet, tell)


def nothing_graded(out: Path) -> CommandError:
    return CommandError(f"{out} holds no grades yet. Grade into it first: labkit grade SUBMISSIONS --out {out}.")


def records(journal: Journal) -> Iterator[Record]:
    """Everyone with what was found, one at a time."""
    for person in journal.people():
        entries = {lab: Entry(handed, journal.get(key)) for lab, (handed, key) in person.handed.items()}
        yield Record(person.student, person.raw, person.ids, entries, person.flags)


def unfinished(
    students: list[Student], labs: dict[str, Lab], plan: Plan, secret: bytes, journal: Journal, add, tally: Tally
) -> Iterator[Job]:
    """Put every student on the roll, and give the jobs whose results are not there yet, each once."""
    given_out = set()
    for student in students:
        flags = list(student.told)
        books = read_books(student, list(labs.values()), flags)
        handed = {}
        for name, lab in labs.items():
            came, own = chosen(books.get(name, []), lab)
            job = job_for(lab, own, plan, secret)
            handed[name] = came, job.key
            done = journal.get(job.key)
            if done is not None and not done.trouble:
                tally.kept += 1
            elif job.key not in given_out:
                given_out.add(job.key)
                yield job
        add(Person(student.name, student.raw, student.ids, handed, tuple(flags)))


def job_for(lab: Lab, own: answers.Own, plan: Plan, secret: bytes) -> Job:
    return Job(
        lab.name,
        tuple(own.cells),
        own.stubs,
        secret,
        plan.level,
        plan.settings.limits,
        lab.helpers,
        text(lab.notebook) if plan.nbval else "",
        plan.points,
        lab.course,
    )


def labs_of(root: Path, students: list[Student], wanted: tuple[str, ...] | None) -> list[str]:
    """The labs to grade, in course order: those that are wanted, else those that somebody handed in, else all.

    Raises CommandError.
    """
    known = list(asked.LABS)
    if wanted:
        chosen = {places.lab_of(places.notebook_of(root, lab)) for lab in wanted}
        if strange := sorted(chosen - set(known)):
            raise CommandError(f"{', '.join(strange)} has no exercises to grade.")
    else:
        there = {places.lab_of(path) for path in places.notebooks(root)} & set(known)
        chosen = {lab for student in students for lab in named(student) if lab in there} or there
    if not chosen:
        raise CommandError(f"There are no notebooks with exercises in {root / 'notebooks'}.")
    return [lab for lab in known if lab in chosen]


def named(student: Student) -> Iterator[str]:
    """The labs that a student's files are for."""
    for upload in student.uploads:
        if lab := intake.lab_by_name(upload.name):
            yield lab
            continue
        with contextlib.suppress(Unreadable):
            book = intake.read_book(upload)
            yield book.lab or best_fit(book)


def best_fit(book: Book) -> str:
    """The lab whose exercises a notebook answers, by its text; "" for none."""
    found = {lab: answers.answered(book.sources, asked.lab(lab).EXERCISES) for lab in asked.LABS}
    best = max(found, key=found.get)
    return best if found[best] else ""


def made_ready(root: Path, name: str) -> Lab:
    path = places.notebook_of(root, name)
    notebook = read(path)
    solutions, _ = places.solution_paths(root, path)
    # A course without its solutions (a student's copy) is graded, too; then no error is carried forward.
    helpers = read_solutions(solutions).functions if solutions.is_file() else {}
    wanted = {one.name for one in asked.lab(name).EXERCISES}
    helpers = {one: source for one, source in helpers.items() if one in wanted}
    return Lab(name, notebook, answers.given(path), helpers, digest(name))


def digest(lab: str) -> str:
    """Of all that a lab's results depend on beside the answers: exercise definitions, checks, versions."""
    home = Path(labkit.__file__).parent
    files = sorted({home / "asked" / f"{lab}.py", *(path for some in COUNTING for path in home.glob(some))})
    whole = hashlib.sha256()
    for path in files:
        whole.update(path.relative_to(home).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    for package in ("numpy", "torch", "keras"):
        whole.update(f"{package} {importlib.metadata.version(package)}\n".encode())
    whole.update(f"{platform.python_version()} {platform.machine()}".encode())
    return whole.hexdigest()


def read_books(student: Student, labs: list[Lab], flags: list[str]) -> dict[str, list[tuple[Upload, Book]]]:
    """The student's notebooks that can be read, by lab."""
    books: dict[str, list[tuple[Upload, Book]]] = {}
    for upload in student.uploads:
        try:
            book = intake.read_book(upload)
            if sum(map(len, book.sources)) > MOST_CODE:
                raise Unreadable(f"holds more than {MOST_CODE} characters of code")
        except Unreadable as reason:
            flags.append(f"{upload.name} {reason}")
            continue
        if book.damaged:
            flags.append(f"{upload.name}: {book.damaged} cells could not be read")
        lab = lab_of(book, upload.name)
        if not lab and upload.name != places.WELCOME:
            flags.append(f"{upload.name} belongs to no lab of this course")
        books.setdefault(lab, []).append((upload, book))
    return books


def lab_of(book: Book, name: str) -> str:
    """The lab a notebook belongs to, by its metadata, else its name, else its exercises; "" for none."""
    for lab in (book.lab, intake.lab_by_name(name)):
        if lab in asked.LABS:
            return lab
    return best_fit(book)


def chosen(books: list[tuple[Upload, Book]], lab: Lab) -> tuple[Handed, answers.Own]:
    """The notebook that counts: of several the latest attempt, of those the one with the most answers."""
    if not books:
        return Handed(lab.name, flags=("no notebook",)), answers.Own([], frozenset())
    found = [(upload, book, answers.own(book.sources, lab.given, lab.exercises)) for upload, book in books]
    best = max(found, key=lambda one: (one[0].attempt, answers.answered(one[2].cells, lab.exercises)))
    upload, book, own = best
    flags = list(intake.tampering(book, lab.notebook))
    if len(found) > 1:
        others = ", ".join(one[0].name for one in found if one is not best)
        later = upload.attempt > min(one[0].attempt for one in found)
        why = "is the latest" if later else "has the most answers"
        flags.insert(0, f"{len(found)} notebooks; {upload.name} {why} and counts, not {others}")
    return Handed(lab.name, upload.name, upload.at, intake.prose(book, lab.notebook), tuple(flags)), own
