"""What records say, in words: one place for the sentences that several exports share."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from labkit.asked import Exercise
from labkit.checks.report import CASES_THAT_FAIL
from labkit.grading.points import Sheet, days_late, kept, mark, outdated
from labkit.grading.record import MISSING, RIGHT, Found, Graded, Record

PARTLY, CARRIED, NOT_GRADED = "partly right", "right with a right helper", "not graded"
SYMBOLS = {RIGHT: "✓", CARRIED: "✓", PARTLY: "◐", MISSING: "–", NOT_GRADED: "?"}  # all others: ✗
WIDE = re.compile(r"^Smallest one: ")


def verdict(found: Found | None) -> str:
    """The state of an answer in a word or two."""
    if found is None:
        return NOT_GRADED
    if found.carried:
        return CARRIED
    if found.state not in (RIGHT, MISSING) and found.part > 0:
        return PARTLY
    return found.state


@dataclass(frozen=True)
class Report:
    """The parts of a report in the words of the checks.

    verdict   its first line
    smallest  the smallest failing case, as it stands in the report
    mistakes  sentences of the known mistakes
    cases     the cases that fail
    rest      what else it says
    """

    verdict: str
    smallest: str = ""
    mistakes: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    rest: tuple[str, ...] = ()


def report(text: str) -> Report:
    """A report taken apart. Lines that cannot be placed stay in `rest`: none is lost."""
    first, *lines = text.split("\n")
    if not lines or not lines[0].startswith("Smallest one: "):
        return Report(first, rest=tuple(line for line in lines if line.strip()))
    heading = f"{CASES_THAT_FAIL}:"
    end = lines.index(heading) if heading in lines else len(lines)
    smallest = [WIDE.sub("", lines[0])]
    after = 1
    while after < end and lines[after].startswith("  "):
        smallest.append(lines[after])
        after += 1
    below = lines[end + 1 :]
    cases = [line[2:] for line in below if line.startswith("  ")]
    rest = [line for line in below if line.strip() and not line.startswith("  ")]
    return Report(first, "\n".join(smallest), tuple(filter(None, lines[after:end])), tuple(cases), tuple(rest))


def disagreements(graded: Graded) -> Iterator[tuple[str, str]]:
    """(exercise, sentence) where the notebook's own check says something else than the judge."""
    checked = {cell.check: cell.outcome for cell in graded.cells or () if cell.check}
    for found in graded.found:
        outcome = checked.get(found.exercise)
        if outcome == "passed" and found.state != RIGHT and not found.carried:
            yield found.exercise, f"The judge finds it {found.state}, but the notebook's own check passed."
        elif outcome == "failed" and found.state == RIGHT and not found.carried:
            yield found.exercise, "The judge finds it right, but the notebook's own check failed."


def late_note(sheet: Sheet, record: Record, lab: str) -> str:
    """What lateness took, in a few words for the instructor; empty where it took nothing."""
    part = kept(sheet, record, lab)
    return "" if part == 1 else f"{days_in_words(days_late(sheet, record, lab))} late, keeps {percent(part)}"


def late_sentence(sheet: Sheet, record: Record, lab: str) -> str:
    """What a student reads about being late; empty where they were in time."""
    late = days_late(sheet, record, lab)
    if not late:
        return ""
    due = sheet.settings.deadline(record.student, lab)
    at = record.entries[lab].handed.time
    part = kept(sheet, record, lab)
    keeps = "No points are taken off." if part == 1 else f"It keeps {percent(part)} of its points."
    # Both in the deadline's offset: two clocks in one sentence are one too many.
    said = f"{at.astimezone(due.tzinfo):%Y-%m-%d %H:%M}"
    return f"Handed in on {said}, due {due:%Y-%m-%d %H:%M}: {days_in_words(late)} late. {keeps}"


def days_in_words(days: int) -> str:
    return "1 day" if days == 1 else f"{days} days"


def percent(part: float) -> str:
    return f"{round(100 * part, 1):g} %"


def flags(sheet: Sheet, record: Record, same_name: bool) -> Iterator[str]:
    """Everything there is to tell the instructor about a student."""
    if same_name:
        yield "another student has the same name"
    yield from record.all_flags()
    for lab in sheet.labs:
        if (entry := record.entries.get(lab)) is None:
            yield f"{lab}: no result"
            continue
        if note := late_note(sheet, record, lab):
            yield f"{lab}: {note}"
        for exercise, sentence in disagreements(entry.graded):
            yield f"{lab}.{exercise}: look here. {sentence}"
        for answer in sheet.prose.get(lab, {}):
            if outdated(record, lab, answer, mark(sheet, record, lab, answer)):
                yield f"{lab}: {answer} has changed since it was marked"


def levels(record: Record) -> str:
    """Under which sandbox a student was graded; and by what, where that was not the judge."""
    return " and ".join(sorted({level(entry.graded) for entry in record.entries.values()}))


def level(graded: Graded) -> str:
    return graded.level if graded.points == "judge" else f"{graded.level}, points by {graded.points}"


def out_of(sheet: Sheet, exercise: Exercise) -> float:
    """The most points of an exercise, stretch ones too."""
    return sheet.settings.worth(exercise)
