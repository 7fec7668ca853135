"""Run by nbgrader's Python in its course folder: prints the points by student and check cell, as JSON."""

import json

from nbgrader.api import Gradebook

with Gradebook("sqlite:///gradebook.db", "course") as book:
    scores = {}
    for submission in book.assignment_submissions("lab02"):
        for notebook in submission.notebooks:
            for grade in notebook.grades:
                scores.setdefault(submission.student.id, {})[grade.name] = grade.auto_score
print(json.dumps(scores))
