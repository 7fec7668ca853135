"""Run by otter's Python: `otter_grade.py AUTOGRADER.zip OUT.json NOTEBOOK …` grades with otter's own API.

One process for all of them, so that otter is imported once: `otter run` would be called anew for each.
"""

import json
import sys
from pathlib import Path

from otter.api import grade_submission


def main(autograder: str, out: str, notebooks: list[str]) -> None:
    scores = {}
    for notebook in notebooks:
        results = grade_submission(notebook, autograder, quiet=True)
        scores[Path(notebook).parent.name] = {name: one.score for name, one in results.results.items()}
    Path(out).write_text(json.dumps(scores))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
