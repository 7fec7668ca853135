"""Lab 2's checks: right answers written in many ways pass, every known mistake is rejected and named."""

import functools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.lib.stride_tricks import as_strided, sliding_window_view

import labkit

# Right answers, each written differently ----------------------------------------------------------


def size_by_counting(size, kernel, stride=1, padding=0):
    if kernel > size + 2 * padding:
        raise ValueError("too large")
    return len(range(0, size + 2 * padding - kernel + 1, stride))


def size_by_floor(size, kernel, stride=1, padding=0):
    if size + 2 * padding < kernel:
        raise ValueError("too large")
    return math.floor((size + 2 * padding - kernel) / stride) + 1


def size_by_numpy(size, kernel, stride=1, padding=0):
    places = np.arange(0, size + 2 * padding - kernel + 1, stride)
    if not places.size:
        raise ValueError("too large")
    return np.int32(places.size)


def size_by_ceil(size, kernel, stride=1, padding=0, unused=None):
    places = size + 2 * padding - kernel + 1
    if places <= 0:
        raise ValueError("too large")
    return np.array(-(-places // stride))


def same_by_floor(kernel):
    if not kernel % 2:
        raise ValueError("even")
    return kernel // 2


def same_by_search(kernel):
    for padding in range(kernel):
        if 2 * padding - kernel + 1 == 0:
            return padding
    raise ValueError("even")


def same_by_divmod(kernel):
    half, rest = divmod(kernel - 1, 2)
    if rest:
        raise ValueError("even")
    return np.int64(half)


def pad_by_numpy(x, padding):
    return np.pad(x, ((0, 0),) * (x.ndim - 2) + ((padding, padding), (padding, padding)))


def pad_by_joining(x, padding):
    for axis in (-1, -2):
        shape = list(x.shape)
        shape[axis] = padding
        zeros = np.zeros(shape, x.dtype)
        x = np.concatenate([zeros, x, zeros], axis=axis)
    return x


def pad_or_view(x, padding):
    if padding == 0:
        return x[...]
    h, w = x.shape[-2:]
    out = np.zeros((*x.shape[:-2], h + 2 * padding, w + 2 * padding), x.dtype, order="F")
    out[..., padding:-padding, padding:-padding] = x
    return out


def pad_by_matrices(x, padding):
    up, right = (np.eye(s + 2 * padding, s, -padding, dtype=x.dtype) for s in x.shape[-2:])
    return up @ x @ right.T


def conv1d_by_loops(x, w, stride=1, padding=0):
    row = [0.0] * padding + x.tolist() + [0.0] * padding
    if len(w) > len(row):
        raise ValueError("too long")
    out = []
    for start in range(0, len(row) - len(w) + 1, stride):
        total = 0.0
        for k in range(len(w)):
            total += row[start + k] * float(w[k])
        out.append(total)
    return np.array(out, dtype=x.dtype)


def conv1d_by_correlate(x, w, stride=1, padding=0):
    if w.size > x.size + 2 * padding:
        raise ValueError("too long")
    return np.correlate(np.pad(x, padding), w, "valid")[::stride]


def conv1d_by_convolve(x, w, stride=1, padding=0):
    if w.size > x.size + 2 * padding:
        raise ValueError("too long")
    return np.convolve(np.pad(x, padding), w[::-1], "valid")[::stride]


def conv1d_by_windows(x, w, stride=1, padding=0):
    return sliding_window_view(np.pad(x, padding), w.size)[::stride] @ w


def corr_by_scalars(image, kernel):
    (h, w), (kh, kw) = image.shape, kernel.shape
    if kh > h or kw > w:
        raise ValueError("too large")
    out = np.zeros((h - kh + 1, w - kw + 1), image.dtype)
    for i in range(h - kh + 1):
        for j in range(w - kw + 1):
            for u in range(kh):
                for v in range(kw):
                    out[i, j] += image[i + u, j + v] * kernel[u, v]
    return out


def corr_by_shifts(image, kernel):
    oh, ow = (s - k + 1 for s, k in zip(image.shape, kernel.shape))
    if min(oh, ow) < 1:
        raise ValueError("too large")
    return sum(image[u : u + oh, v : v + ow] * kernel[u, v] for u, v in np.ndindex(*kernel.shape))


def corr_by_einsum(image, kernel):
    return np.einsum("ijuv,uv->ij", sliding_window_view(image, kernel.shape), kernel)


def corr_by_strides(image, kernel):
    oh, ow = (s - k + 1 for s, k in zip(image.shape, kernel.shape))
    if oh < 1 or ow < 1:
        raise ValueError("too large")
    windows = as_strided(image, (oh, ow, *kernel.shape), image.strides * 2)
    return np.tensordot(windows, kernel, 2)


def fits(x, w, padding):
    if w.shape[2] > x.shape[2] + 2 * padding or w.shape[3] > x.shape[3] + 2 * padding:
        raise ValueError("too large")


def conv_by_seven_loops(x, w, b=None, stride=1, padding=0):
    fits(x, w, padding)
    n_images, channels, h, wide = x.shape
    filters, _, kh, kw = w.shape
    oh, ow = (h + 2 * padding - kh) // stride + 1, (wide + 2 * padding - kw) // stride + 1
    out = np.zeros((n_images, filters, oh, ow), x.dtype)
    for n in range(n_images):
        for f in range(filters):
            for i in range(oh):
                for j in range(ow):
                    total = 0 if b is None else b[f]
                    for c in range(channels):
                        for u in range(kh):
                            for v in range(kw):
                                row, column = i * stride + u - padding, j * stride + v - padding
                                if 0 <= row < h and 0 <= column < wide:
                                    total += x[n, c, row, column] * w[f, c, u, v]
                    out[n, f, i, j] = total
    return out


def conv_by_einsum(x, w, b=None, stride=1, padding=0):
    fits(x, w, padding)
    padded = np.pad(x, ((0, 0), (0, 0), (padding,) * 2, (padding,) * 2))
    windows = sliding_window_view(padded, w.shape[2:], (2, 3))[:, :, ::stride, ::stride]
    out = np.einsum("ncijuv,fcuv->nfij", windows, w)
    return out if b is None else out + b[:, None, None]


def conv_by_gemm(x, w, b=None, stride=1, padding=0):
    """Not contiguous: a transposed view of a matrix product."""
    fits(x, w, padding)
    padded = pad_by_joining(x, padding)
    windows = sliding_window_view(padded, w.shape[2:], (2, 3))[:, :, ::stride, ::stride]
    n, c, oh, ow = windows.shape[:4]
    columns = windows.transpose(0, 2, 3, 1, 4, 5).reshape(n * oh * ow, -1)
    out = columns @ w.reshape(len(w), -1).T
    out = out if b is None else out + b
    return out.reshape(n, oh, ow, -1).transpose(0, 3, 1, 2)


def conv_by_shifts(x, w, b=None, stride=1, padding=0, *, order="F"):
    fits(x, w, padding)
    padded = pad_by_numpy(x, padding)
    kh, kw = w.shape[2:]
    oh, ow = ((s - k) // stride + 1 for s, k in zip(padded.shape[2:], (kh, kw)))
    out = np.zeros((len(x), len(w), oh, ow), x.dtype, order)
    for u in range(kh):
        for v in range(kw):
            part = padded[:, :, u : u + stride * oh : stride, v : v + stride * ow : stride]
            out += np.tensordot(part, w[:, :, u, v], (1, 1)).transpose(0, 3, 1, 2)
    if b is not None:
        out += b.reshape(1, -1, 1, 1)
    return out


def conv_by_torch(x, w, b=None, stride=1, padding=0):
    fits(x, w, padding)
    bias = None if b is None else torch.tensor(b)
    return F.conv2d(torch.tensor(x), torch.tensor(w), bias, stride, padding).numpy()


class ConvByFourier:
    """Anything callable will do."""

    def __call__(self, x, w, b=None, stride=1, padding=0):
        fits(x, w, padding)
        padded = pad_by_numpy(x, padding)
        size, (kh, kw) = padded.shape[2:], w.shape[2:]
        product = np.einsum(
            "nchw,fchw->nfhw", np.fft.fft2(padded), np.conj(np.fft.fft2(w, size))
        )
        out = np.fft.ifft2(product).real[:, :, : size[0] - kh + 1 : stride, : size[1] - kw + 1 : stride]
        return (out if b is None else out + b[:, None, None]).astype(x.dtype)


RIGHT = {
    "output_size": (size_by_counting, size_by_floor, size_by_numpy, size_by_ceil),
    "same_padding": (same_by_floor, same_by_search, same_by_divmod, functools.partial(same_by_floor)),
    "zero_pad": (pad_by_numpy, pad_by_joining, pad_or_view, pad_by_matrices),
    "conv1d_forward": (conv1d_by_loops, conv1d_by_correlate, conv1d_by_convolve, conv1d_by_windows),
    "corr2d": (corr_by_scalars, corr_by_shifts, corr_by_einsum, corr_by_strides),
    "conv2d_forward": (
        conv_by_seven_loops,
        conv_by_einsum,
        conv_by_gemm,
        conv_by_shifts,
        conv_by_torch,
        ConvByFourier(),
    ),
}


@pytest.mark.parametrize("seed", [0, 1, 20261122])
@pytest.mark.parametrize(
    ("name", "answer"), [(name, answer) for name, answers in RIGHT.items() for answer in answers]
)
def test_right_answers_pass(name, answer, seed):
    report = labkit.examine(name, answer, seed=seed)
    assert report.passed, str(report)
    assert report.score == report.max_score > 0
    assert report.mistake is None


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


@pytest.mark.parametrize("name", list(RIGHT))
@pytest.mark.parametrize("noise", [1e-6, np.nan, np.inf])
def test_noise_nan_and_infinity_are_rejected(name, noise):
    right = RIGHT[name][0]

    def noisy(*args, **keywords):
        return right(*args, **keywords) + noise

    assert not labkit.examine(name, noisy).passed


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
        return size_by_counting(size, k, s, p)

    def other_order(size, kernel, padding=0, stride=1):
        return size_by_counting(size, kernel, stride, padding)

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
    assert "looks for" not in text
    text = str(labkit.examine("corr2d", lambda image, kernel: corr_by_einsum(image, kernel[::-1, ::-1])))
    assert "This case looks for: kernel turned or transposed" in text
