"""What grading must survive: every attack in bubblewrap, as an ordinary user, where root runs the tests."""

import json
import os
import subprocess
import sys

import ordinary
import pytest
import survive
from test_survive import NAMES, unless

from labkit.errors import CommandError
from labkit.grading.sandbox import bwrap, level


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


# Where bubblewrap makes a sandbox, and nothing can be made in it ----------------------------------


def test_attacks_where_each_notebook_has_a_sandbox_of_its_own(tmp_path):
    need_another_user()
    done = survive.as_user(["--json", "--without-worlds", "--only", "reaching out"], tmp_path)
    assert done.stdout, done.stderr
    rows = [survive.Row(**row) for row in json.loads(done.stdout)]
    assert len(rows) > 5 and [row for row in rows if row.broken] == []


def test_the_nbval_step_where_each_notebook_has_a_sandbox_of_its_own(tmp_path):
    code = f"""
import sys
sys.path[:0] = [{str(survive.TESTS)!r}]
import survive
from small_course import code, notebook
from labkit.grading.nbval import Tester
survive.no_worlds_within()
with Tester(load=()) as tester:
    for source in ("import os; open('/tmp/left', 'w'); os.kill(os.getppid(), 9)", "open('/tmp/left')", "import os; os.fork()"):
        cells, how = tester.run(notebook(code("1"), code(source)))
        print(*(cell.outcome for cell in cells), cells[1].text.partition(":")[0], sep=", ")
"""
    need_another_user()
    environment = {**os.environ, "HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PYTHONPATH": str(survive.HOUSE)}
    words = ordinary.words([sys.executable, "-B", "-c", code], [tmp_path])
    done = subprocess.run(words, env=environment, cwd=survive.HOUSE, capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        "passed, not run, ",
        "passed, failed, FileNotFoundError",
        "passed, failed, PermissionError",
    ], done.stdout + done.stderr


def test_root_refuses_where_no_world_can_be_made(monkeypatch):
    need_another_user()
    monkeypatch.setattr(bwrap, "command", bwrap.command)  # it is put back afterwards
    survive.no_worlds_within()
    level.probe.cache_clear()
    try:
        with pytest.raises(CommandError, match="no world could be made within the sandbox"):
            level.choose("bwrap")
    finally:
        level.probe.cache_clear()


def test_doctor_as_an_ordinary_user(tmp_path):
    need_another_user()
    words = ordinary.words([sys.executable, "-B", "-m", "labkit", "doctor"], [tmp_path])
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(survive.HOUSE)}
    done = subprocess.run(words, env=environment, cwd=survive.HOUSE, capture_output=True, text=True)
    assert done.returncode == 0 and "bwrap holds here" in done.stdout, done.stdout + done.stderr
