"""Lab 2's checks: the student notebooks' bugs are rejected and named, and messages say what to do."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from answers.lab02 import (
    RIGHT,
    conv1d_by_correlate,
    conv1d_by_loops,
    conv_by_einsum,
    conv_by_gemm,
    conv_by_torch,
    corr_by_einsum,
    fits,
    pad_by_numpy,
    same_by_floor,
    size_by_floor,
)

import labkit

# Bugs of the student notebooks the course grew out of, as a student would write them ----------------


def with_square_output(x, w, b=None, stride=1, padding=0):
    """Height used for width, as three of the notebooks had it."""
    fits(x, w, padding)
    padded = pad_by_numpy(x, padding)
    kh, kw = w.shape[2:]
    size = (x.shape[2] + 2 * padding - kh) // stride + 1
    out = np.zeros((len(x), len(w), size, size), x.dtype)
    for n, f, i, j in np.ndindex(*out.shape):
        window = padded[n, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
        out[n, f, i, j] = np.sum(window * w[f]) + (0 if b is None else b[f])
    return out


def with_a_bias_for_each_pixel(x, w, b=None, stride=1, padding=0):
    out = conv_by_einsum(x, w, None, stride, padding)
    if b is None:
        return out
    for n, f, i, j in np.ndindex(*out.shape):
        out[n, f, i, j] += b[f, i, j]
    return out


def with_bias_by_broadcasting(x, w, b=None, stride=1, padding=0):
    out = conv_by_einsum(x, w, None, stride, padding)
    return out if b is None else out + b


def with_a_guard_that_never_fires(x, w, b=None, stride=1, padding=0):
    kh, kw = w.shape[2:]
    if kh < 0 or kw < 0:
        raise ValueError("never")
    padded = pad_by_numpy(x, padding)
    oh, ow = (max(0, (s - k) // stride + 1) for s, k in zip(padded.shape[2:], (kh, kw)))
    out = np.zeros((len(x), len(w), oh, ow), x.dtype)
    for n, f, i, j in np.ndindex(*out.shape):
        window = padded[n, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
        out[n, f, i, j] = np.sum(window * w[f]) + (0 if b is None else b[f])
    return out


def true_convolution(x, w, b=None, stride=1, padding=0):
    return conv_by_gemm(x, w[:, :, ::-1, ::-1], b, stride, padding)


def true_convolution_without_a_guard(x, w, b=None, stride=1, padding=0):
    """Two bugs at once: torch's RuntimeError instead of a ValueError is the second."""
    bias = None if b is None else torch.tensor(b)
    return F.conv2d(torch.tensor(x), torch.tensor(w).flip(2, 3), bias, stride, padding).numpy()


def overwriting_channels(x, w, b=None, stride=1, padding=0):
    fits(x, w, padding)
    for c in range(x.shape[1]):
        out = conv_by_einsum(x[:, c : c + 1], w[:, c : c + 1], b, stride, padding)
    return out


@pytest.mark.parametrize(
    ("answer", "mistake"),
    [
        (with_square_output, "height_for_width"),
        (with_a_bias_for_each_pixel, "bias_per_pixel"),
        (with_bias_by_broadcasting, "bias_along_width"),
        (with_a_guard_that_never_fires, "guard_never_fires"),
        (true_convolution, "rotated_kernel"),
        (true_convolution_without_a_guard, "rotated_kernel"),
        (overwriting_channels, "one_channel_only"),
    ],
)
def test_bugs_of_the_notebooks_are_named(answer, mistake):
    report = labkit.examine("conv2d_forward", answer)
    assert not report.passed
    assert report.score == 0
    assert report.mistake == mistake, str(report)
    assert dict(report.mistakes)[mistake] in str(report)


def test_one_by_one_test_data_would_have_hidden_them():
    """The reason for the cases: on 1×1 kernels and one channel these wrong answers are right."""
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((1, 1, 5, 5)), rng.standard_normal((1, 1, 1, 1))
    expected = conv_by_torch(x, w)
    for answer in (with_square_output, true_convolution, overwriting_channels, with_a_guard_that_never_fires):
        np.testing.assert_allclose(answer(x, w), expected)


def test_a_wrong_answer_like_none_known_is_rejected_without_a_name():
    report = labkit.examine("conv2d_forward", lambda x, w, b=None, stride=1, padding=0: np.full((1, 2), 3.0))
    assert not report.passed
    assert report.mistake is None


@pytest.mark.parametrize("name", ["zero_pad", "conv1d_forward", "corr2d", "conv2d_forward"])
@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda out: out.tolist(), "a list"),
        (lambda out: torch.tensor(out), "torch.Tensor"),
        (lambda out: None, "None"),
        (lambda out: out.astype(complex), "complex128"),
        (lambda out: out.astype(np.longdouble), str(np.dtype(np.longdouble))),
        (lambda out: out[..., None], "shape"),
        (lambda out: np.zeros_like(out), "expected"),
        (lambda out: -out, "expected"),
        (lambda out: out[..., ::-1], "expected"),
        (lambda out: (out, out), "tuple"),
        (lambda out: "out", "str"),
    ],
)
def test_other_results_are_rejected_with_a_word(name, change, word):
    right = RIGHT[name][0]
    report = labkit.examine(name, lambda *args, **keywords: change(right(*args, **keywords)))
    assert not report.passed
    assert word in str(report)


def test_an_input_must_not_change():
    def in_place(x, padding):
        x += 1
        x -= 1
        x *= 2
        return pad_by_numpy(x / 2, padding)

    report = labkit.examine("zero_pad", in_place)
    assert not report.passed
    assert "changed its input x" in str(report)


def test_nothing_may_be_remembered():
    calls = []

    def forgetful(x, w, stride=1, padding=0):
        calls.append(1)
        return conv1d_by_correlate(x, w, stride, padding) + (len(calls) > 10)

    report = labkit.examine("conv1d_forward", forgetful)
    assert not report.passed
    assert "answered otherwise" in str(report)


def test_wrong_names_or_defaults_of_parameters_are_rejected():
    def other_names(size, k, s=1, p=0):
        return size_by_floor(size, k, s, p)

    def other_order(size, kernel, padding=0, stride=1):
        return size_by_floor(size, kernel, stride, padding)

    for answer in (other_names, other_order):
        assert not labkit.examine("output_size", answer).passed


def test_a_right_answer_that_warns_passes_and_the_warning_is_shown():
    def warns(kernel):
        np.divide(1.0, np.zeros(1))
        return same_by_floor(kernel)

    report = labkit.examine("same_padding", warns)
    assert report.passed
    assert "divide by zero" in str(report)


# What a first reader of the lab stumbled over ---------------------------------------------------------


def pad_one_plane(x, padding):
    h, w = x.shape
    out = np.zeros((h + 2 * padding, w + 2 * padding), x.dtype)
    out[padding : padding + h, padding : padding + w] = x
    return out


@pytest.mark.parametrize(
    ("name", "answer", "mistake"),
    [
        ("output_size", lambda size, kernel, stride=1, padding=0:
            round((size + 2 * padding - kernel) / stride + 1), "rounded_to_nearest"),
        ("output_size", lambda size, kernel, stride=1, padding=0:
            size + 2 * padding - kernel // stride + 1, "brackets_forgotten"),
        ("zero_pad", pad_one_plane, "number_of_axes"),
        ("conv2d_forward", lambda x, w, b=None, stride=1, padding=0:
            conv_by_einsum(x, w, None, stride, padding) + b[:, None, None], "bias_required"),
        ("conv2d_forward", lambda x, w, b=None, stride=1, padding=0:
            conv_by_einsum(x, w, b if b else None, stride, padding), "truth_of_an_array"),
        ("corr2d", lambda image, kernel: corr_by_einsum(image, kernel).T, "output_transposed"),
    ],
)  # fmt: skip
def test_answers_a_first_reader_tried(name, answer, mistake):
    def guarded(*args, **keywords):
        if name == "output_size":
            size_by_floor(*args, **keywords)
        return answer(*args, **keywords)

    report = labkit.examine(name, guarded)
    assert not report.passed
    assert report.mistake == mistake, str(report)


def test_messages_say_what_to_do_next():
    def forgot_the_return(kernel):
        same_by_floor(kernel)

    def other_name(x, w, bias=None, stride=1, padding=0):
        return conv_by_einsum(x, w, bias, stride, padding)

    assert "Is the return missing?" in str(labkit.examine("same_padding", forgot_the_return))
    assert "Keep the names" in str(labkit.examine("conv2d_forward", other_name))
    unguarded = str(labkit.examine("same_padding", lambda kernel: kernel // 2))
    assert "it returned 1; it should raise a ValueError" in unguarded
    always_float64 = str(labkit.examine("conv1d_forward", lambda *a, **k: conv1d_by_loops(*a, **k).astype(float)))
    assert "x=[1, 2, 4] (float32)" in always_float64


def test_the_bug_a_case_looks_for_is_not_blamed_for_another_fault():
    text = str(labkit.examine("corr2d", lambda image, kernel: corr_by_einsum(image, kernel).tolist()))
    assert "It looks for" not in text
    text = str(labkit.examine("corr2d", lambda image, kernel: corr_by_einsum(image, kernel[::-1, ::-1])))
    assert "It looks for: kernel turned or transposed" in text
