"""A student's first hour, in a real browser: JupyterLab on the notebook, answers typed in, every cell run."""

import ast
import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NAME = "lab02_convolution_forward"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="module")
def browser():
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        told = f"no browser found; looked for {', '.join(BROWSERS)}"
        pytest.fail(told) if os.environ.get("LABKIT_REQUIRE_BROWSER") == "1" else pytest.skip(told)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=QUIET)
        yield started
        started.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """JupyterLab, started with the command of `course.py lab`, on a copy of the notebooks."""
    spec = importlib.util.spec_from_file_location("course", ROOT / "course.py")
    course = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(course)
    scratch = tmp_path_factory.mktemp("course")
    shutil.copytree(ROOT / "notebooks", scratch / "notebooks", ignore=shutil.ignore_patterns(".*"))
    # Cells out of sight are drawn too, so that the test can find them.
    tracker = scratch / "settings" / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
    tracker.parent.mkdir(parents=True)
    tracker.write_text('{"windowingMode": "none"}')
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = course.lab_command(Path(sys.executable), scratch / "notebooks", port, browser=False)
    env = {**os.environ, "HOME": str(scratch), "JUPYTERLAB_SETTINGS_DIR": str(scratch / "settings"),
           "PYTHONPATH": str(ROOT), "KERAS_BACKEND": "torch"}
    env.pop("PYTEST_CURRENT_TEST", None)
    with open(scratch / "server.log", "w") as log:
        server = subprocess.Popen(
            [*command, "--IdentityProvider.token=", "--ServerApp.password="],
            env=env, stdout=log, stderr=log, start_new_session=True,
        )
    url = f"http://localhost:{port}"
    try:
        wait_for(url + "/api", server, scratch / "server.log")
        yield url
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def wait_for(url: str, server: subprocess.Popen, log: Path) -> None:
    for _ in range(240):
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.5)
    pytest.fail("JupyterLab did not answer within two minutes:\n" + log.read_text())


def solutions() -> dict[str, str]:
    source = (ROOT / "solutions" / f"{NAME}.py").read_text(encoding="utf-8")
    return {
        node.name: ast.get_source_segment(source, node)
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef)
    }


def type_into(page, function: str, source: str) -> None:
    """Replace what stands in the cell of a function, as a person does who pastes."""
    page.locator(".jp-CodeCell", has_text=re.compile(rf"def {function}\(")).first.locator(".cm-content").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(source)


HIGHEST = """() => Math.max(0, ...[...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]
    .map(prompt => Number((prompt.textContent.match(/\\d+/) || [0])[0])))"""
LAST = """before => { const all = document.querySelectorAll('.jp-CodeCell .jp-InputPrompt');
    return Number((all[all.length - 1].textContent.match(/\\d+/) || [0])[0]) > before }"""


def run_all(page) -> None:
    """Run all cells, and wait until the last one has a number higher than any had before."""
    before = page.evaluate(HIGHEST)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_function(LAST, arg=before, timeout=240_000)
    page.wait_for_timeout(1000)  # the last outputs are drawn a little later than the number


ERRORS = '.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.error"]'


def test_a_student_solves_the_lab_and_gets_one_answer_wrong(browser, address, tmp_path):
    page = browser.new_page(viewport={"width": 1300, "height": 1000})
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(f"{address}/lab/tree/{NAME}.ipynb", timeout=120_000)
    page.wait_for_selector(".jp-Notebook .jp-CodeCell .cm-content", timeout=120_000)
    page.get_by_text("Python 3 (ipykernel) | Idle").first.wait_for(timeout=120_000)

    run_all(page)
    assert page.locator(ERRORS).count() == 0, page.locator(ERRORS).all_inner_texts()
    answers = solutions()
    for name in answers:
        assert page.get_by_text(f"{name}: not yet.").count() >= 1

    for name, source in answers.items():
        type_into(page, name, source)
    run_all(page)
    assert page.locator(ERRORS).count() == 0, page.locator(ERRORS).all_inner_texts()
    for name in answers:
        assert page.get_by_text(f"{name} is right").count() >= 1
    page.screenshot(path=tmp_path / "right.png")

    wrong = answers["corr2d"].replace("window * kernel", "window * kernel[::-1, ::-1]")
    assert wrong != answers["corr2d"]
    type_into(page, "corr2d", wrong)
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Shift+Enter")
    named = page.get_by_text("You rotated the kernel by 180°").first
    named.wait_for(timeout=60_000)
    named.scroll_into_view_if_needed()
    page.screenshot(path=tmp_path / "wrong.png")
    told = page.locator(".jp-OutputArea", has=named).first.inner_text()
    assert "corr2d is wrong in 6 of 8 cases" in told
    assert "out[0, 0] should be 1·1 + 2·2 + 0·0 + 1·(-1) = 4" in told
    assert "site-packages" not in told and "Traceback" not in told
    elsewhere = [url for url in requests if not re.match(rf"{address}|data:|blob:", url)]
    assert elsewhere == [], "the page asked another computer"
