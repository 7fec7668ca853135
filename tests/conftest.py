"""What several test files share."""

import pytest

from labkit.checks.judging import one_thread

# The files that take longest, the longest first. Workers take files in this order, so that none has a long one left
# when the others are done.
LONG = (
    "references", "survive", "survive_as_user", "one_wrong", "nbval_step", "bundle", "every_lab_graded", "grading",
    "notebooks", "engine", "audit", "batch", "right_answers", "exports", "run",
)  # fmt: skip


def pytest_collection_modifyitems(items):
    place = {f"test_{name}": number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: place.get(item.path.stem, len(LONG)))


@pytest.fixture(scope="module")
def torch_on_one_thread():
    """On layers of a few numbers a second thread of torch only waits."""
    with one_thread():
        yield
