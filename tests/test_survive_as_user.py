"""What grading must survive: every attack in bubblewrap, as an ordinary user, where root runs the tests."""

import json
import os
import subprocess
import sys

import ordinary
import pytest
import survive
from test_survive import NAMES, unless


def need_another_user() -> None:
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("the tests are run by an ordinary user already")
    unless(ordinary.missing())


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    need_another_user()
    done = survive.as_user(["--json"], tmp_path_factory.mktemp("ordinary"))
    assert done.stdout, done.stderr
    return {row["attack"]: survive.Row(**row) for row in json.loads(done.stdout)}


@pytest.mark.parametrize("name", NAMES)
def test_attacks(rows, name):
    assert not rows[name].broken


def test_doctor_as_an_ordinary_user(tmp_path):
    need_another_user()
    words = ordinary.words([sys.executable, "-B", "-m", "labkit", "doctor"], [tmp_path])
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(survive.HOUSE)}
    done = subprocess.run(words, env=environment, cwd=survive.HOUSE, capture_output=True, text=True)
    assert done.returncode == 0 and "bwrap holds here" in done.stdout, done.stdout + done.stderr
