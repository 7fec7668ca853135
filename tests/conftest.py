"""What several test files share."""

import pytest

from labkit.checks.judging import one_thread


@pytest.fixture(scope="module")
def torch_on_one_thread():
    """On layers of a few numbers a second thread of torch only waits."""
    with one_thread():
        yield
