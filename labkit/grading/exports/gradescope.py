"""gradescope/NAME.json: one student's results as Gradescope's autograder hands them over (results.json).

The score on top is the total after lateness and holds; those of the tests say where it comes from. All text is
plain text: Gradescope would render HTML and Markdown of a student's otherwise.
"""

import json

from labkit.asked import Exercise
from labkit.grading.exports.on_gradescope import could_not_be_graded
from labkit.grading.exports.text import shown
from labkit.grading.exports.words import flags, late_sentence, out_of, verdict
from labkit.grading.limits import MOST_PRINTED
from labkit.grading.points import Sheet, exercise_points, found_in, mark, most, prose_of, total
from labkit.grading.record import RIGHT, Entry, Record

FOLDER = "gradescope"


def text(sheet: Sheet, record: Record) -> str:
    """The file of one student."""
    return json.dumps(results(sheet, record), indent=1, sort_keys=True) + "\n"


def results(sheet: Sheet, record: Record) -> dict:
    """What Gradescope is told of one student."""
    points = total(sheet, record)
    told = [shown(flag) for flag in flags(sheet, record, same_name=False)]
    if points is None:
        return could_not_be_graded("\n".join(told))
    late = [f"{lab}: {sentence}" for lab in sheet.labs if (sentence := late_sentence(sheet, record, lab))]
    notes = [shown(note) for lab in sheet.labs for note in record.entries[lab].graded.notes]
    tests = [
        exercise_test(sheet, record.entries[lab], one, lab) for lab, those in sheet.labs.items() for one in those
    ]
    tests += [answer_test(sheet, record, lab, name) for lab in sheet.labs for name in sheet.marked(lab)]
    if told:
        hidden = {"name": "For the instructor", "status": "passed", "visibility": "hidden", "output": "\n".join(told)}
        tests.append(hidden)
    return {
        "score": points,
        "output": "\n".join([f"{points} of {most(sheet)} points.", *late, *notes]),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
    }


def exercise_test(sheet: Sheet, entry: Entry, exercise: Exercise, lab: str) -> dict:
    """One exercise; a stretch exercise has no score, because it counts nowhere."""
    found = found_in(entry, exercise)
    lines = [shown(found.text)] if found else []
    if found and found.carried:
        lines.insert(0, f"Right with right helpers; wrong are: {', '.join(found.carried)}.")
    if found and found.printed and found.state != RIGHT:
        lines += ["On the small examples it printed:", shown(found.printed, MOST_PRINTED)]
    points, worth = exercise_points(sheet, exercise, entry) or 0, out_of(sheet, exercise)
    scores = {"score": points, "max_score": worth} if exercise.core else {}
    return scores | {
        "name": f"{lab} · {exercise.name} · {verdict(found)}{'' if exercise.core else ' (stretch, not counted)'}",
        "status": "passed" if points >= worth else "failed",
        "output": "\n".join(lines),
        "visibility": "visible",
    }


def answer_test(sheet: Sheet, record: Record, lab: str, name: str) -> dict:
    """One written answer that earns points."""
    given = mark(sheet, record, lab, name)
    waiting = "" if given.points is not None else "Not marked yet." if prose_of(record, lab, name) else "Not answered."
    return {
        "score": given.points or 0,
        "max_score": sheet.settings.marking[name],
        "name": f"{lab} · {name}",
        "status": "passed" if given.points else "failed",
        "output": shown(given.comment) or waiting,
        "visibility": "visible",
    }
