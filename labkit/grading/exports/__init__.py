import csv, io
from labkit.grading import points as pts
from labkit.grading.folder import write_whole
from labkit.grading.texts import neutral, safe


def questions(root, labs):
    return {}


def with_marks(out, sheet):
    return sheet


def write(out, records, sheet):
    text = io.StringIO()
    w = csv.writer(text)
    ex = [e for lab in sheet.labs.values() for e in lab]
    w.writerow(["student", *(f"{e.lab}.{e.name}" for e in ex), *sheet.labs, "total", "max", "flags", "level"])
    for r in records():
        w.writerow([neutral(r.student), *(pts.exercise_points(sheet, e, r.entries[e.lab]) for e in ex),
                    *(pts.lab_points(sheet, r, lab) for lab in sheet.labs), pts.total(sheet, r), pts.most(sheet),
                    neutral(safe("; ".join(r.all_flags()))), "/".join({en.graded.level for en in r.entries.values()})])
    write_whole(out / "gradebook.csv", text.getvalue())
    return [out / "gradebook.csv"]
