"""The engine: every kind of exercise, what a learner reads, and what `import labkit` costs."""

import inspect
import re
import subprocess
import sys
from dataclasses import replace

import kinds
import numpy as np
import pytest
from answers.lab02 import conv1d_by_loops, corr_by_einsum

import labkit
from labkit import asked, references
from labkit.asked.exercise import KINDS, Case, Exercise, Group
from labkit.checks import CheckFailed
from labkit.checks.matrix import matrix


@pytest.fixture(autouse=True)
def examples(monkeypatch):
    kinds.install(monkeypatch)


def test_every_kind_has_an_example():
    assert tuple(kinds.KINDS) == KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_a_right_answer_of_each_kind_passes(kind):
    exercise, reference = kinds.KINDS[kind]
    for seed in range(5):
        report = labkit.examine(exercise, reference.answer, seed)
        assert report.passed, str(report)
        assert report.score == report.max_score == 2


@pytest.mark.parametrize(
    ("kind", "number"), [(k, i) for k, (_, ref) in kinds.KINDS.items() for i in range(len(ref.mistakes))]
)
def test_each_mistake_of_each_kind_is_rejected_and_named(kind, number):
    exercise, reference = kinds.KINDS[kind]
    mistake = reference.mistakes[number]
    report = labkit.examine(exercise, mistake.answers[0])
    assert not report.passed
    assert report.score == 0
    if mistake.name == "global_random_state":  # told by the engine itself: another answer the second time
        assert "answered otherwise" in str(report)
    else:
        assert report.mistake == mistake.name, str(report)
        assert mistake.sentence in str(report)


def test_the_same_seed_gives_the_same_report_and_another_seed_other_numbers():
    wrong = kinds.ARRAY_REFERENCE.mistakes[0].answers[0]
    first, again, other = (str(labkit.examine(kinds.ARRAY, wrong, seed)) for seed in (1, 1, 2))
    assert first == again != other


# What is known of the real exercises -----------------------------------------------------------------


def test_exercises_are_listed_in_course_order_with_all_their_parts():
    listed = labkit.exercises()
    assert [one.lab for one in listed] == sorted(one.lab for one in listed)
    contract = ["output_size", "same_padding", "zero_pad", "conv1d_forward", "corr2d", "conv2d_forward"]
    assert [one.name for one in listed if one.name in contract] == contract
    assert len({one.name for one in listed}) == len(listed)
    for one in listed:
        assert one.kind in KINDS and one.points >= 1 and one.lab.startswith("lab")
        assert len(one.mistakes) >= 3 and len(set(one.mistakes)) == len(one.mistakes)
        assert len(set(one.hints)) == 3 and all(one.hints)


@pytest.mark.parametrize("exercise", labkit.exercises(), ids=lambda e: e.name)
def test_mistakes_are_rejected_named_and_different_and_no_case_is_idle(exercise):
    table = matrix(exercise)
    assert table.problems() == []
    assert set(table.mistakes) == set(exercise.mistakes)


@pytest.mark.parametrize("exercise", labkit.exercises(), ids=lambda e: e.name)
def test_small_cases_are_small(exercise):
    for case in exercise.small().values():
        assert sum(value.size for value in case.args.values() if isinstance(value, np.ndarray)) <= 24


def test_the_matrix_tells_what_is_wrong_with_a_definition():
    """Each of these is a slip of somebody who adds an exercise."""
    exercise, reference = kinds.KINDS["array"]
    right = reference.mistakes[0]

    def problems(**changed):
        sys.modules["labkit.references.examples"].REFERENCES[exercise.name] = replace(reference, **changed)
        return " ".join(matrix(exercise).problems())

    def no_such_argument(image):
        return image

    assert "the reference itself fails in the case 'float64': it raised TypeError" in problems(answer=no_such_argument)
    nothing_wrong = replace(right, name="harmless", answers=(reference.answer,))
    assert "harmless passes every case." in problems(mistakes=(nothing_wrong,))
    twin = replace(right, name="twin")
    assert "twin is rejected, but named summed." in problems(mistakes=(right, twin))
    assert "summed is rejected, but shows in no case of `small`." in problems(mistakes=(right,))
    renamed = replace(right, name="renamed", answers=(lambda x, goal: x,))
    assert "renamed does not take the exercise's parameters." in problems(mistakes=(renamed,))
    del sys.modules["labkit.references.examples"].REFERENCES[exercise.name]
    with pytest.raises(ValueError, match="labkit/references/examples.py has no 'square_loss'"):
        matrix(exercise)


def test_an_unknown_exercise_is_a_value_error_that_offers_the_near_ones():
    with pytest.raises(ValueError, match="did you mean conv2d_forward"):
        labkit.examine("conv2d_foward", lambda: None)


def test_a_definition_with_a_wrong_kind_hints_or_points_is_refused():
    good = dict(name="f", lab="lab99", points=1, kind="array", asks="", hints=("a", "b", "c"), inputs=dict, returns={})
    Exercise(**good)
    for bad in ({"kind": "arrays"}, {"hints": ("a",)}, {"points": 0}):
        with pytest.raises(ValueError, match="f: "):
            Exercise(**{**good, **bad})


# check, in Python and in a notebook ------------------------------------------------------------------


def corr2d(image, kernel):
    raise NotImplementedError("Lab 2: corr2d")


def test_a_stub_is_not_yet_and_does_not_raise(capsys):
    labkit.check(corr2d)
    assert "corr2d: not yet" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("variable", "value"), [("LABKIT_STRICT", "1"), ("PYTEST_CURRENT_TEST", "lab02.ipynb::Cell 3 (call)")]
)
def test_a_stub_raises_where_everything_counts(monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    with pytest.raises(CheckFailed, match="not yet"):
        labkit.check(corr2d)


def test_a_right_answer_is_told_in_one_sentence(capsys):
    labkit.check(kinds_corr2d, "corr2d")
    out = capsys.readouterr().out.strip()
    assert out.startswith("corr2d is right: it agrees with torch.nn.functional.conv2d")
    assert "\n" not in out


def kinds_corr2d(image, kernel):
    return np.einsum("ijuv,uv->ij", np.lib.stride_tricks.sliding_window_view(image, kernel.shape), kernel)


def test_a_wrong_answer_raises_with_its_report(capsys):
    with pytest.raises(CheckFailed) as failed:
        labkit.check(lambda image, kernel: kinds_corr2d(image, kernel[::-1, ::-1]), "corr2d")
    assert failed.value.report.mistake == "rotated_kernel"
    text = str(failed.value)
    assert text == capsys.readouterr().out.strip() == str(failed.value.report)
    lines = text.splitlines()
    assert lines[0] == "corr2d is wrong in 6 of 8 cases."
    assert lines[1] == "Smallest one: corr2d(image=[[1, 2, 0], [0, 1, 3], [2, 0, 1]], kernel=[[1, 2], [0, -1]])"
    assert lines[2] == "  out[0, 0] should be 1·1 + 2·2 + 0·0 + 1·(-1) = 4"
    assert lines[3] == "  yours is 1·(-1) + 2·0 + 0·2 + 1·1 = 0"
    assert lines[4].startswith("You rotated the kernel by 180°.")
    assert lines[-1] == 'hint("corr2d") takes you one step further.'


def test_the_name_is_found_through_the_variable_too(capsys, monkeypatch):
    def mine(image, kernel):
        return kinds_corr2d(image, kernel)

    monkeypatch.setitem(globals(), "corr2d", mine)
    labkit.check(mine)
    assert "corr2d is right" in capsys.readouterr().out


def test_what_cannot_be_checked_is_told():
    with pytest.raises(ValueError, match="cannot tell which exercise"):
        labkit.check(lambda: None)
    with pytest.raises(TypeError, match="without quotes"):
        labkit.check("corr2d")
    with pytest.raises(TypeError, match="not called"):
        labkit.check(np.zeros(3), "corr2d")


def test_the_learners_own_line_is_kept_and_the_rest_hidden():
    def answer(image, kernel):
        return image[100, 100]

    text = str(labkit.examine("corr2d", answer))
    assert "it raised IndexError" in text
    assert "in answer: return image[100, 100]" in text
    assert "running.py" not in text and "exercise.py" not in text


def test_an_exception_that_cannot_say_its_text_is_told_by_its_name():
    class Mute(Exception):
        def __str__(self):
            raise RuntimeError("no text")

    def answer(image, kernel):
        raise Mute

    assert "it raised Mute\n" in str(labkit.examine("corr2d", answer))


def test_html_is_escaped_and_says_the_verdict_in_words():
    def answer(image, kernel):
        raise RuntimeError("<script>alert(1)</script>")

    html = labkit.examine("corr2d", answer)._repr_html_()
    assert "<script>" not in html and "&lt;script&gt;" in html
    assert "corr2d is wrong in" in html


def test_a_case_is_given_to_the_answer_as_its_own_copy():
    case = Case("", {"x": np.zeros(2)})
    exercise = kinds.exercise("f", "array", {"out": "array"}, lambda rng: {"one": case})

    def greedy(x):
        x += 1
        return x

    from labkit.checks.running import run

    outcome = run(exercise, greedy, exercise.inputs(None))["one"]
    assert outcome.outputs["out"].tolist() == outcome.again["out"].tolist() == [1, 1]
    assert outcome.after["x"].tolist() == [1, 1]
    assert case.args["x"].tolist() == [0, 0]


def test_ctrl_c_in_an_answer_stops_the_check():
    def answer(image, kernel):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        labkit.examine("corr2d", answer)


def test_the_check_leaves_torchs_threads_as_they_were():
    import torch

    before = torch.get_num_threads()
    labkit.examine("corr2d", kinds_corr2d)
    assert torch.get_num_threads() == before


def test_required_arrays_come_by_position():
    """The contract: what comes after the arrays may be passed by name, the arrays themselves are not."""
    for one in labkit.exercises():
        cases = one.inputs(np.random.default_rng(0)).values()
        arrays = {name for case in cases for name in case.args} - {
            name for case in cases for name, value in case.args.items() if not isinstance(value, np.ndarray)
        }
        parameters = inspect.signature(references.reference(one).answer).parameters
        required = {one for one in arrays & parameters.keys() if parameters[one].default is inspect.Parameter.empty}
        assert not [case for case in cases if required & set(case.keywords)], one.name


# hints -----------------------------------------------------------------------------------------------


def test_hints_come_one_at_a_time(capsys, monkeypatch):
    monkeypatch.setattr("labkit.hints.given", {})
    told = []
    for argument in ("corr2d", corr2d, "corr2d", "corr2d"):
        labkit.hint(argument)
        told.append(capsys.readouterr().out.splitlines()[0])
    assert [line[:11] for line in told] == ["Hint 1 of 3", "Hint 2 of 3", "Hint 3 of 3", "Hint 3 of 3"]
    assert len(set(told)) == 3
    with pytest.raises(ValueError, match="did you mean"):
        labkit.hint("cor2d")


def test_reveal_wants_a_try_first_and_then_shows_the_solution(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("labkit.checks.tried", set())
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "lab02_x.py").write_text("def corr2d(image, kernel):\n    return 42\n")
    (tmp_path / "notebooks").mkdir()
    labkit.reveal("corr2d", tmp_path / "notebooks")
    assert "Try first" in capsys.readouterr().out
    with pytest.raises(CheckFailed):
        labkit.check(lambda image, kernel: image, "corr2d")
    capsys.readouterr()
    labkit.reveal("corr2d", tmp_path / "notebooks")
    assert capsys.readouterr().out == "def corr2d(image, kernel):\n    return 42\n"


def test_reveal_says_where_there_are_no_solutions(monkeypatch, tmp_path):
    monkeypatch.setattr("labkit.checks.tried", {"corr2d"})
    with pytest.raises(FileNotFoundError, match="no solutions/ folder"):
        labkit.reveal("corr2d", tmp_path)


# what importing costs --------------------------------------------------------------------------------


@pytest.mark.parametrize("module", ["labkit", "labkit.checks.running", "labkit.data", "labkit.asked"])
def test_import_loads_numpy_alone(module):
    heavy = ("torch", "keras", "matplotlib", "nbformat", "IPython", "ipywidgets", "rich", "pytest")
    code = f"import sys, {module}; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_two_numbers_that_differ_are_written_so_that_one_sees_it():
    text = str(labkit.examine("corr2d", lambda image, kernel: corr_by_einsum(image, kernel) * (1 + 1e-7)))
    shown = re.findall(r"is (\S+); expected (\S+)", text)
    assert shown and all(got != expected for got, expected in shown)


def test_a_scalar_may_be_more_precise_than_its_inputs_and_not_less():
    def answer(kept):
        return lambda x, target: (kept(np.mean((x - target) ** 2)), kinds.square_loss(x, target)[1])

    assert labkit.examine(kinds.ARRAY, answer(float)).passed
    assert labkit.examine(kinds.ARRAY, answer(np.array)).passed
    coarse = str(labkit.examine(kinds.ARRAY, answer(np.float32)))
    assert "loss is float32; expected float64" in coarse


def test_a_value_that_is_merely_inexact_is_not_called_another_precision():
    report = labkit.examine("conv1d_forward", lambda *a, **k: conv1d_by_loops(*a, **k) + 1e-7)
    assert not report.passed and report.mistake != "precision"


@pytest.mark.parametrize(
    "exercise",
    [one for one in labkit.exercises() if any(m.shows for m in references.reference(one).mistakes)],
    ids=lambda e: e.name,
)
def test_what_looks_at_results_takes_results_of_any_shape(exercise):
    """A mistake that is seen by its `shows` may meet anything: the report comes, and no exception."""
    right = references.reference(exercise).answer
    bends = {
        "an axis more": lambda array: array[..., None],
        "one number": lambda array: array.sum(),
        "nothing": lambda array: array.ravel()[:0],
    }
    for bend in bends.values():

        def drive(answer, case, returns, bend=bend):
            results = exercise.drive(answer, case, returns)
            if answer is right:
                return results
            return {name: bend(np.asarray(value, dtype=float)) for name, value in results.items()}

        bent = replace(exercise, drive=drive)
        report = labkit.examine(bent, lambda *args, **keywords: right(*args, **keywords))
        assert not report.passed and str(report)


def test_groups_of_cases_earn_points_of_their_own():
    """An answer that refuses wide images: what is right of it counts, but no group makes up for a case in none."""
    plain = asked.exercise("corr2d")
    cases = list(plain.inputs(np.random.default_rng(0)))

    def no_wide(image, kernel):
        if image.shape[1] > image.shape[0]:
            raise ValueError
        return corr_by_einsum(image, kernel)

    failed = set(labkit.examine(plain, no_wide).failed)
    right = tuple(name for name in cases if name not in failed)
    assert failed and right
    halves = replace(plain, groups=(Group(1, right), Group(1, tuple(failed))))
    report = labkit.examine(halves, no_wide)
    assert report.score == 1 and not report.passed and "earns 1 of 2 points" in str(report)
    assert labkit.examine(halves, corr_by_einsum).score == 2
    assert labkit.examine(plain, no_wide).score == 0
    needed = replace(plain, groups=(Group(2, right),))
    assert labkit.examine(needed, no_wide).score == 0
    with pytest.raises(ValueError, match="do not add up"):
        replace(plain, groups=(Group(1, right),))
