"""Right answers pass, however they are written; noise on them does not."""

import numpy as np
import pytest
import torch
from answers import EXERCISES, RIGHT, WRONG

import labkit

AT_LEAST = 3


def test_there_are_answers_to_every_exercise():
    assert set(RIGHT) == set(WRONG) == {one.name for one in EXERCISES}
    assert all(len(answers) >= AT_LEAST for answers in RIGHT.values())


@pytest.mark.parametrize("seed", [0, 1, 20261122])
@pytest.mark.parametrize(
    ("name", "answer"), [(name, answer) for name, answers in RIGHT.items() for answer in answers]
)
def test_right_answers_pass(name, answer, seed):
    report = labkit.examine(name, answer, seed=seed)
    assert report.passed, str(report)
    assert report.score == report.max_score > 0
    assert report.mistake is None


def shifted(result, noise):
    """A result with `noise` added to its first array or number."""
    if isinstance(result, (tuple, list)):
        return (result[0] + noise, *result[1:])
    return result + noise


@pytest.mark.parametrize("name", [one.name for one in EXERCISES if one.kind == "array"])
@pytest.mark.parametrize("noise", [1e-6, np.nan, np.inf])
def test_noise_nan_and_infinity_are_rejected(name, noise):
    assert not labkit.examine(name, lambda *args, **keywords: shifted(RIGHT[name][0](*args, **keywords), noise)).passed


ONE_ARRAY = [one.name for one in EXERCISES if one.kind == "array" and tuple(one.returns.values()) == ("array",)]


@pytest.mark.parametrize("name", ONE_ARRAY)
@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda out: out.tolist(), "list"),
        (lambda out: torch.tensor(out), "torch.Tensor"),
        (lambda out: None, "None"),
        (lambda out: out.astype(complex), "complex128"),
        (lambda out: out[..., None], "shape"),
        (lambda out: np.zeros_like(out), "expected"),
        (lambda out: out[..., ::-1], "expected"),
        (lambda out: (out, out), "tuple"),
    ],
)
def test_other_results_are_rejected_with_a_word(name, change, word):
    right = RIGHT[name][0]
    report = labkit.examine(name, lambda *args, **keywords: change(right(*args, **keywords)))
    assert not report.passed
    assert word in str(report)
