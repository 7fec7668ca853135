"""Lab 7's checks: the student notebooks' bugs, answers on nobody's list, and the race against a plain loop."""

import dataclasses
import re
import time

import numpy as np
import pytest
import torch
from answers.lab07 import (
    RIGHT,
    back_by_offsets,
    cols_by_offsets,
    cols_by_windows,
    fast_by_offsets,
    fast_by_tensordot,
    fits,
    framed,
    image_by_offsets,
    sizes_of,
)
from numpy.lib.stride_tricks import as_strided, sliding_window_view

import labkit
from labkit import asked
from labkit.asked import lab07
from labkit.asked.exercise import Case, Misuse

FAST = ("conv2d_forward_fast", "conv2d_backward_fast")


def named(name, answer):
    report = labkit.examine(name, answer)
    assert not report.passed
    return report.mistake


# Bugs of the student notebooks, as a student would write them -------------------------------------------


def cols_reshaped(x, kh, kw, stride=1, padding=0):
    """(N, L, C·kh·kw) made into (N, C·kh·kw, L) by reshape."""
    fits(x, kh, kw, padding)
    oh, ow = sizes_of(x.shape, kh, kw, stride, padding)
    rows = cols_by_offsets(x, kh, kw, stride, padding).transpose(0, 2, 1)
    return np.ascontiguousarray(rows).reshape(len(x), -1, oh * ow)


def cols_of_square_images(x, kh, kw, stride=1, padding=0):
    """Height for width."""
    fits(x, kh, kw, padding)
    n, c, h, _ = x.shape
    size = (h + 2 * padding - kh) // stride + 1
    image = framed(x, padding)
    out = np.zeros((n, c, kh, kw, size, size), x.dtype)
    for u in range(kh):
        for v in range(kw):
            out[:, :, u, v] = image[:, :, u : u + stride * size : stride, v : v + stride * size : stride]
    return out.reshape(n, c * kh * kw, size * size)


def cols_with_odd_windows(x, kh, kw, stride=1, padding=0):
    """Padding as the window needs it, not as it is given."""
    return cols_by_offsets(x, kh, kw, stride, kh // 2)


def cols_by_window_first(x, kh, kw, stride=1, padding=0):
    windows = sliding_window_view(framed(x, padding), (kh, kw), (2, 3))[:, :, ::stride, ::stride]
    n, c, oh, ow = windows.shape[:4]
    return windows.transpose(0, 4, 5, 1, 2, 3).reshape(n, kh * kw * c, oh * ow)


def cols_all_in_one(x, kh, kw, stride=1, padding=0):
    cols = cols_by_offsets(x, kh, kw, stride, padding)
    return cols.transpose(1, 0, 2).reshape(cols.shape[1], -1)


def image_overwritten(cols, x_shape, kh, kw, stride=1, padding=0):
    n, c, h, w = x_shape
    oh, ow = sizes_of(x_shape, kh, kw, stride, padding)
    image, parts = np.zeros((n, c, h + 2 * padding, w + 2 * padding), cols.dtype), cols.reshape(n, c, kh, kw, oh, ow)
    for u, v in np.ndindex(kh, kw):
        image[:, :, u : u + stride * oh : stride, v : v + stride * ow : stride] = parts[:, :, u, v]
    return image[:, :, padding : padding + h, padding : padding + w]


def image_with_lost_sums(cols, x_shape, kh, kw, stride=1, padding=0):
    """x[indices] += cols adds a pixel that comes twice only once."""
    n, c, h, w = x_shape
    oh, ow = sizes_of(x_shape, kh, kw, stride, padding)
    k = np.repeat(np.arange(c), kh * kw)[:, None]
    i = np.tile(np.repeat(np.arange(kh), kw), c)[:, None] + stride * np.repeat(np.arange(oh), ow)
    j = np.tile(np.arange(kw), kh * c)[:, None] + stride * np.tile(np.arange(ow), oh)
    image = np.zeros((n, c, h + 2 * padding, w + 2 * padding), cols.dtype)
    image[:, k, i, j] += cols
    return image[:, :, padding : padding + h, padding : padding + w]


def image_cut_by_minus(cols, x_shape, kh, kw, stride=1, padding=0):
    n, c, h, w = x_shape
    image = image_by_offsets(cols, (n, c, h + 2 * padding, w + 2 * padding), kh, kw, stride)
    return image[:, :, padding:-padding, padding:-padding]


def image_uncut(cols, x_shape, kh, kw, stride=1, padding=0):
    n, c, h, w = x_shape
    return image_by_offsets(cols, (n, c, h + 2 * padding, w + 2 * padding), kh, kw, stride)


def image_averaged(cols, x_shape, kh, kw, stride=1, padding=0):
    image = image_by_offsets(cols, x_shape, kh, kw, stride, padding)
    return image / np.maximum(image_by_offsets(np.ones_like(cols), x_shape, kh, kw, stride, padding), 1)


def image_with_float64_buffer(cols, x_shape, kh, kw, stride=1, padding=0):
    return np.zeros(x_shape) + image_by_offsets(cols, x_shape, kh, kw, stride, padding)


def fast_reshaped(x, w, b=None, stride=1, padding=0):
    """(N·L, F) made into (N, F, OH, OW) by reshape."""
    out = fast_by_tensordot(x, w, b, stride, padding)
    return np.ascontiguousarray(out.transpose(0, 2, 3, 1)).reshape(out.shape)


def fast_without_bias(x, w, b=None, stride=1, padding=0):
    return fast_by_offsets(x, w, None, stride, padding)


def fast_with_bias_on_places(x, w, b=None, stride=1, padding=0):
    out = fast_by_offsets(x, w, None, stride, padding)
    return out if b is None else out + b


def back_scrambled(dout, x, w, stride=1, padding=0):
    dx, dw, db = back_by_offsets(dout, x, w, stride, padding)
    cols = cols_by_offsets(x, *w.shape[2:], stride, padding)
    return dx, (dout.reshape(len(w), -1) @ cols.transpose(1, 0, 2).reshape(cols.shape[1], -1).T).reshape(w.shape), db


def back_unsummed(dout, x, w, stride=1, padding=0):
    dx, _, db = back_by_offsets(dout, x, w, stride, padding)
    cols = cols_by_offsets(x, *w.shape[2:], stride, padding)
    return dx, (dout.reshape(*dout.shape[:2], -1) @ cols.swapaxes(1, 2)).reshape(-1, *w.shape), db


def back_of_the_last_image(dout, x, w, stride=1, padding=0):
    dx, _, db = back_by_offsets(dout, x, w, stride, padding)
    for one, d in zip(cols_by_offsets(x, *w.shape[2:], stride, padding), dout.reshape(*dout.shape[:2], -1)):
        dw = d @ one.T
    return dx, dw.reshape(w.shape), db


# What readers of the lab wrote ----------------------------------------------------------------------------


def cols_to_another_stop(stop):
    def answer(x, kh, kw, stride=1, padding=0):
        fits(x, kh, kw, padding)
        n, c = x.shape[:2]
        oh, ow = sizes_of(x.shape, kh, kw, stride, padding)
        image = framed(x, padding)
        cols = np.zeros((n, c, kh, kw, oh, ow), dtype=x.dtype)
        for u in range(kh):
            for v in range(kw):
                cols[:, :, u, v] = image[:, :, u : stop(u, oh, stride) : stride, v : stop(v, ow, stride) : stride]
        return cols.reshape(n, c * kh * kw, oh * ow)

    return answer


def cols_with_a_guard_exchanged(x, kh, kw, stride=1, padding=0):
    if kh > x.shape[3] + 2 * padding or kw > x.shape[2] + 2 * padding:
        raise ValueError("too large")
    return cols_by_offsets(x, kh, kw, stride, padding)


def fast_of_one_wide_matrix(x, w, b=None, stride=1, padding=0):
    """(N, C·kh·kw, L) made into (C·kh·kw, N·L) by reshape."""
    cols = cols_by_offsets(x, *w.shape[2:], stride, padding)
    out = w.reshape(len(w), -1) @ cols.reshape(cols.shape[1], -1)
    out = out.reshape(len(w), len(x), *sizes_of(x.shape, *w.shape[2:], stride, padding)).swapaxes(0, 1)
    return out if b is None else out + b[:, None, None]


def fast_with_columns_of_stride_one(x, w, b=None, stride=1, padding=0):
    fits(x, *w.shape[2:], padding)
    out = w.reshape(len(w), -1) @ cols_by_offsets(x, *w.shape[2:], 1, padding)
    out = out if b is None else out + b[:, None]
    return out.reshape(len(x), len(w), *sizes_of(x.shape, *w.shape[2:], stride, padding))


def back_of_wide_matrices(dw_too, dx_too):
    """dout rightly as (F, N·L), the columns by reshape."""

    def answer(dout, x, w, stride=1, padding=0):
        kh, kw = w.shape[2:]
        cols, rows = cols_by_offsets(x, kh, kw, stride, padding), w[0].size
        d = dout.swapaxes(0, 1).reshape(len(w), -1)
        dw = d @ (cols if dw_too else cols.swapaxes(0, 1)).reshape(rows, -1).T
        dcols = w.reshape(len(w), -1).T @ d
        dcols = dcols.reshape(len(x), rows, -1) if dx_too else dcols.reshape(rows, len(x), -1).swapaxes(0, 1)
        return image_by_offsets(dcols, x.shape, kh, kw, stride, padding), dw.reshape(w.shape), d.sum(1)

    return answer


def back_changed(change):
    def answer(dout, x, w, stride=1, padding=0):
        return change(*back_by_offsets(dout, x, w, stride, padding), dout)

    return answer


def cols_of(places, trim=lambda x, *rest: x, guard=lambda x, kh, kw, p: fits(x, kh, kw, p)):
    """An im2col with a number of places of its own: places(steps down, steps across, stride)."""

    def answer(x, kh, kw, stride=1, padding=0):
        guard(x, kh, kw, padding)
        n, c, h, w = x.shape
        oh, ow = places(h + 2 * padding - kh, w + 2 * padding - kw, stride)
        image = framed(trim(x, kh, kw, stride, padding), padding)
        cols = np.zeros((n, c, kh, kw, oh, ow), dtype=x.dtype)
        for u in range(kh):
            for v in range(kw):
                cols[:, :, u, v] = image[:, :, u : u + oh * stride : stride, v : v + ow * stride : stride]
        return cols.reshape(n, c * kh * kw, oh * ow)

    return answer


def by_rest_across(down, across, t):
    return (down - across % t) // t + 1, across // t + 1


def by_rest_down(down, across, t):
    return down // t + 1, (across - down % t) // t + 1


def rounded_across(down, across, t):
    return down // t + 1, round(across / t) + 1


def rightly(down, across, t):
    return down // t + 1, across // t + 1


def cut_before_padding(x, kh, kw, stride, padding):
    down, across = x.shape[2] + 2 * padding - kh, x.shape[3] + 2 * padding - kw
    return x[:, :, : x.shape[2] - down % stride, : x.shape[3] - across % stride]


def padding_counted_once(x, kh, kw, padding):
    if kh > x.shape[2] + padding or kw > x.shape[3] + padding:
        raise ValueError("too large")


def padding_counted_once_across(x, kh, kw, padding):
    if kh > x.shape[2] + 2 * padding or kw > x.shape[3] + padding:
        raise ValueError("too large")


def by_product(places, **more):
    """A forward pass with such an im2col."""

    def answer(x, w, b=None, stride=1, padding=0):
        (kh, kw), (h, wide) = w.shape[2:], x.shape[2:]
        out = w.reshape(len(w), -1) @ cols_of(places, **more)(x, kh, kw, stride, padding)
        out = out if b is None else out + b[:, None]
        return out.reshape(len(x), len(w), *places(h + 2 * padding - kh, wide + 2 * padding - kw, stride))

    return answer


def image_of(size):
    """A col2im into an array of a size of its own: size(touched, rests) -> the padded array's height and width."""

    def answer(cols, x_shape, kh, kw, stride=1, padding=0):
        n, c, h, w = x_shape
        oh, ow = sizes_of(x_shape, kh, kw, stride, padding)
        touched = (oh - 1) * stride + kh, (ow - 1) * stride + kw
        image = np.zeros((n, c, *size(touched, (h + 2 * padding - touched[0], w + 2 * padding - touched[1]))), cols.dtype)
        parts = cols.reshape(n, c, kh, kw, oh, ow)
        for u, v in np.ndindex(kh, kw):
            image[:, :, u : u + stride * oh : stride, v : v + stride * ow : stride] += parts[:, :, u, v]
        return image[:, :, padding : padding + h, padding : padding + w]

    return answer


def image_cut_too_early(cols, x_shape, kh, kw, stride=1, padding=0):
    """The padding is cut off what the windows touched."""
    oh, ow = sizes_of(x_shape, kh, kw, stride, padding)
    touched = (oh - 1) * stride + kh, (ow - 1) * stride + kw
    part = image_by_offsets(cols, (*x_shape[:2], *touched), kh, kw, stride)
    part = part[:, :, padding : touched[0] - padding, padding : touched[1] - padding]
    image = np.zeros(x_shape, cols.dtype)
    image[:, :, : part.shape[2], : part.shape[3]] = part
    return image


def back_by(fold):
    """A backward pass with such a col2im."""

    def answer(dout, x, w, stride=1, padding=0):
        _, dw, db = back_by_offsets(dout, x, w, stride, padding)
        dcols = w.reshape(len(w), -1).T @ dout.reshape(*dout.shape[:2], -1)
        return fold(dcols, x.shape, *w.shape[2:], stride, padding), dw, db

    return answer


def buffered(right):
    made = {}

    def answer(*args, **keywords):
        result = right(*args, **keywords)
        made.setdefault(result.shape, np.empty_like(result))[...] = result
        return made[result.shape].astype(result.dtype, copy=False)

    return answer


def fast_with_a_zero_for_none(x, w, b=None, stride=1, padding=0):
    return fast_by_offsets(x, w, b if b is not None and b.all() else None, stride, padding)


def fast_with_stride_for_padding(x, w, b=None, stride=1, padding=0):
    oh, ow = sizes_of(x.shape, *w.shape[2:], stride, padding)
    out = w.reshape(len(w), -1) @ cols_by_offsets(x, *w.shape[2:], padding, stride)
    return (out if b is None else out + b[:, None]).reshape(len(x), len(w), oh, ow)


rest_down_for_both = image_of(lambda touched, rests: (touched[0] + rests[0], touched[1] + rests[0]))
rest_across_for_both = image_of(lambda touched, rests: (touched[0] + rests[1], touched[1] + rests[1]))


@pytest.mark.parametrize(
    ("name", "answer", "mistake"),
    [
        ("im2col", cols_of(by_rest_across), "left_over_of_one_axis"),
        ("im2col", cols_of(by_rest_down), "left_over_of_one_axis"),
        ("im2col", cols_of(rounded_across), "rounded_up"),
        ("im2col", cols_of(rightly, trim=cut_before_padding), "left_over_and_padding"),
        ("im2col", cols_of(rightly, guard=padding_counted_once), "guard_forgets_padding"),
        ("im2col", cols_of(rightly, guard=padding_counted_once_across), "guard_forgets_padding"),
        ("im2col", buffered(cols_by_windows), "reused"),
        ("col2im", rest_down_for_both, "left_over_of_one_axis"),
        ("col2im", rest_across_for_both, "left_over_of_one_axis"),
        ("col2im", image_cut_too_early, "left_over_and_padding"),
        ("col2im", buffered(image_by_offsets), "reused"),
        ("conv2d_forward_fast", by_product(by_rest_across), "left_over_of_one_axis"),
        ("conv2d_forward_fast", by_product(rounded_across), "rounded_up"),
        ("conv2d_forward_fast", by_product(rightly, trim=cut_before_padding), "left_over_and_padding"),
        ("conv2d_forward_fast", by_product(rightly, guard=padding_counted_once), "guard_forgets_padding"),
        ("conv2d_forward_fast", by_product(rightly, guard=padding_counted_once_across), "guard_forgets_padding"),
        ("conv2d_forward_fast", fast_with_a_zero_for_none, "bias_of_zero"),
        ("conv2d_forward_fast", fast_with_stride_for_padding, "stride_for_padding"),
        ("conv2d_backward_fast", back_by(rest_down_for_both), "left_over_of_one_axis"),
        ("conv2d_backward_fast", back_by(rest_across_for_both), "left_over_of_one_axis"),
        ("conv2d_backward_fast", back_by(image_cut_too_early), "left_over_and_padding"),
    ],
)
def test_what_a_second_reader_wrote_is_named(name, answer, mistake):
    assert named(name, answer) == mistake


def test_the_same_code_without_the_slip_is_right():
    """So it is the slip that is rejected above."""
    assert labkit.examine("im2col", cols_of(rightly)).passed
    assert labkit.examine("col2im", image_of(lambda touched, rests: np.add(touched, rests))).passed


@pytest.mark.parametrize(
    ("name", "answer", "mistake"),
    [
        ("im2col", cols_to_another_stop(lambda u, n, t: n * t), "wrong_stop"),
        ("im2col", cols_to_another_stop(lambda u, n, t: u + n), "wrong_stop"),
        ("im2col", cols_to_another_stop(lambda u, n, t: None), "wrong_stop"),
        ("im2col", cols_with_a_guard_exchanged, "guard_exchanged"),
        ("conv2d_forward_fast", fast_of_one_wide_matrix, "reshape_for_transpose"),
        ("conv2d_forward_fast", fast_with_columns_of_stride_one, "stride_ignored"),
        ("conv2d_backward_fast", back_of_wide_matrices(True, False), "dw_columns_scrambled"),
        ("conv2d_backward_fast", back_of_wide_matrices(False, True), "dx_columns_scrambled"),
        ("conv2d_backward_fast", back_of_wide_matrices(True, True), "both_scrambled"),
        (
            "conv2d_backward_fast",
            back_changed(lambda dx, dw, db, dout: (dx, dw, dout.reshape(dout.shape[1], -1).sum(1))),
            "db_scrambled",
        ),
        ("conv2d_backward_fast", back_changed(lambda dx, dw, db, dout: (dx / len(dx), dw, db)), "dx_averaged"),
    ],
)
def test_what_readers_wrote_is_named(name, answer, mistake):
    assert named(name, answer) == mistake


@pytest.mark.parametrize(
    ("name", "answer", "mistake"),
    [
        ("im2col", cols_reshaped, "reshape_for_transpose"),
        ("im2col", cols_of_square_images, "height_for_width"),
        ("im2col", cols_with_odd_windows, "own_padding"),
        ("im2col", cols_all_in_one, "images_mixed_up"),
        ("col2im", image_overwritten, "overwritten"),
        ("col2im", image_with_lost_sums, "overwritten"),
        ("col2im", image_cut_by_minus, "empty_slice_at_zero"),
        ("col2im", image_uncut, "padding_not_cut_off"),
        ("col2im", image_averaged, "averaged"),
        ("col2im", image_with_float64_buffer, "precision"),
        ("conv2d_forward_fast", fast_reshaped, "reshape_for_transpose"),
        ("conv2d_forward_fast", fast_without_bias, "bias_ignored"),
        ("conv2d_forward_fast", fast_with_bias_on_places, "bias_along_width"),
        ("conv2d_backward_fast", back_scrambled, "dw_scrambled"),
        ("conv2d_backward_fast", back_unsummed, "dw_not_added_up"),
        ("conv2d_backward_fast", back_of_the_last_image, "dw_of_one_image"),
    ],
    ids=lambda one: getattr(one, "__name__", one),
)
def test_bugs_of_the_notebooks_are_named(name, answer, mistake):
    assert named(name, answer) == mistake


def test_two_bugs_at_once_are_told_apart():
    """Rows in another order, and no guard beside it (a negative size is NumPy's own ValueError)."""
    assert named("im2col", cols_by_window_first) == "rows_in_another_order"


# Answers on nobody's list -------------------------------------------------------------------------------


def right_where(name, condition, otherwise=lambda result: result * 0.5):
    """The right answer where the inputs are of one kind, another one elsewhere."""
    right = RIGHT[name][0]

    def answer(*args, **keywords):
        result = right(*args, **keywords)
        if condition(*args, **keywords):
            return result
        return [otherwise(one) for one in result] if isinstance(result, (tuple, list)) else otherwise(result)

    return answer


def first_array(args):
    return next(one for one in args if isinstance(one, np.ndarray))


def images(args, keywords):
    return args[1] if len(args) > 1 and isinstance(args[1], tuple) else first_array(args).shape


CONDITIONS = {
    "one image": lambda *a, **k: first_array(a).shape[0] == 1,
    "at most two images": lambda *a, **k: first_array(a).shape[0] <= 2,
    "stride 1": lambda *a, **k: 1 == ([*a, k.get("stride", 1)][-1] if "stride" in k else stride_of(a)),
    "float64": lambda *a, **k: first_array(a).dtype == np.float64,
    "positive": lambda *a, **k: bool((first_array(a) > 0).all()),
    "square": lambda *a, **k: first_array(a).ndim == 4 and first_array(a).shape[2] == first_array(a).shape[3],
    "by rows": lambda *a, **k: first_array(a).flags.c_contiguous,
    "small": lambda *a, **k: first_array(a).size < 60,
}


def stride_of(args):
    plain = [one for one in args if not isinstance(one, (np.ndarray, tuple)) and one is not None]
    return plain[-2] if len(plain) in (2, 4) and not plain == plain[:2] else (plain[-1] if len(plain) in (1, 3) else 1)


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("kind", CONDITIONS)
def test_right_for_some_inputs_alone_is_rejected(name, kind):
    assert not labkit.examine(name, right_where(name, CONDITIONS[kind])).passed


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda out: out.tolist(), "list"),
        (lambda out: torch.tensor(out), "torch.Tensor"),
        (lambda out: None, "None"),
        (lambda out: out[..., None], "shape"),
        (lambda out: out[..., ::-1], "expected"),
    ],
)
def test_other_results_are_rejected_with_a_word(name, change, word):
    right = RIGHT[name][0]

    def answer(*args, **keywords):
        result = right(*args, **keywords)
        return tuple(map(change, result)) if isinstance(result, (tuple, list)) else change(result)

    report = labkit.examine(name, answer)
    assert not report.passed and word in str(report)


@pytest.mark.parametrize("name", RIGHT)
def test_inputs_must_not_change_and_nothing_may_be_remembered(name):
    right, calls = RIGHT[name][0], []

    def changes(*args, **keywords):
        result = right(*args, **keywords)
        first_array(args)[...] = 0
        return result

    def forgets(*args, **keywords):
        calls.append(1)
        result = right(*args, **keywords)
        if len(calls) < 14:
            return result
        return tuple(one + 1 for one in result) if isinstance(result, (tuple, list)) else result + 1

    assert "changed its input" in str(labkit.examine(name, changes))
    assert not labkit.examine(name, forgets).passed


def test_a_view_of_the_input_is_a_right_answer_where_it_holds_the_right_numbers():
    """A 1 × 1 window needs no copy at all: then the columns are the images."""

    def view(x, kh, kw, stride=1, padding=0):
        if kh == kw == stride == 1 and not padding:
            return x.reshape(*x.shape[:2], -1)
        return cols_by_windows(x, kh, kw, stride, padding)

    def strided(x, kh, kw, stride=1, padding=0):
        fits(x, kh, kw, padding)
        image = framed(x, padding) if padding else x
        n, c, h, w = image.strides
        shape = (*x.shape[:2], kh, kw, *sizes_of(x.shape, kh, kw, stride, padding))
        windows = as_strided(image, shape, (n, c, h, w, stride * h, stride * w), writeable=False)
        return windows.reshape(len(x), x.shape[1] * kh * kw, -1)

    assert labkit.examine("im2col", view).passed and labkit.examine("im2col", strided).passed


def test_strides_computed_from_the_shape_are_named():
    def strided(x, kh, kw, stride=1, padding=0):
        fits(x, kh, kw, padding)
        image = framed(x, padding)
        one = image.itemsize
        n, c, h, w = (one * int(np.prod(image.shape[axis:])) for axis in (1, 2, 3, 4))
        shape = (*x.shape[:2], kh, kw, *sizes_of(x.shape, kh, kw, stride, padding))
        windows = as_strided(image, shape, (n, c, h, w, stride * h, stride * w))
        return windows.reshape(len(x), x.shape[1] * kh * kw, -1)

    assert named("im2col", strided) == "memory_order"


def test_names_and_order_of_parameters_are_kept():
    def other_names(x, height, width, s=1, p=0):
        return cols_by_windows(x, height, width, s, p)

    def other_order(cols, x_shape, kw, kh, stride=1, padding=0):
        return image_by_offsets(cols, x_shape, kh, kw, stride, padding)

    assert "Keep the names" in str(labkit.examine("im2col", other_names))
    assert not labkit.examine("col2im", other_order).passed


# The race -----------------------------------------------------------------------------------------------


def over_places(x, w, b=None, stride=1, padding=0):
    fits(x, *w.shape[2:], padding)
    kh, kw = w.shape[2:]
    image, flat = framed(x, padding), w.reshape(len(w), -1)
    out = np.zeros((len(x), len(w), *sizes_of(x.shape, kh, kw, stride, padding)), x.dtype)
    for i in range(out.shape[2]):
        for j in range(out.shape[3]):
            box = image[:, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
            out[:, :, i, j] = box.reshape(len(x), -1) @ flat.T
    return out if b is None else out + b[:, None, None]


def columns_over_places(x, w, b=None, stride=1, padding=0):
    """One matrix product, and an im2col of the slow kind, as lean as it gets."""
    fits(x, *w.shape[2:], padding)
    (kh, kw), (oh, ow) = w.shape[2:], sizes_of(x.shape, *w.shape[2:], stride, padding)
    image = framed(x, padding)
    rows = np.empty((oh * ow, len(x), *w.shape[1:]), x.dtype)
    place = 0
    for i in range(0, oh * stride, stride):
        for j in range(0, ow * stride, stride):
            rows[place] = image[:, :, i : i + kh, j : j + kw]
            place += 1
    out = rows.reshape(oh * ow, len(x), -1) @ w.reshape(len(w), -1).T
    out = out if b is None else out + b
    return out.transpose(1, 2, 0).reshape(len(x), len(w), oh, ow)


def back_over_places(dout, x, w, stride=1, padding=0):
    _, dw, db = back_by_offsets(dout, x, w, stride, padding)
    parts = (w.reshape(len(w), -1).T @ dout.reshape(*dout.shape[:2], -1)).reshape(*x.shape[:2], *w.shape[2:], *dout.shape[2:])
    image = framed(np.zeros_like(x), padding)
    for i, j in np.ndindex(*dout.shape[2:]):
        top, left = i * stride, j * stride
        image[:, :, top : top + w.shape[2], left : left + w.shape[3]] += parts[..., i, j]
    return image[:, :, padding : padding + x.shape[2], padding : padding + x.shape[3]], dw, db


@pytest.mark.parametrize(
    ("name", "answer"),
    [(FAST[0], over_places), (FAST[0], columns_over_places), (FAST[1], back_over_places)],
    ids=lambda one: getattr(one, "__name__", one),
)
def test_a_right_answer_over_places_is_told_that_it_is_right_and_slow(name, answer):
    report = labkit.examine(name, answer)
    assert not report.passed and report.score == 0
    assert report.mistake == "slow" and set(report.failed) == {"speed"}
    times = re.search(r"right but slow: its speed is ([\d.]+) times a plain loop; expected at least 15", str(report))
    assert times and float(times[1]) < lab07.AT_LEAST
    assert "Right, but slow." in str(report) and "im2col or col2im it calls" in str(report)


def over_rows(x, w, b=None, stride=1, padding=0):
    fits(x, *w.shape[2:], padding)
    image = framed(x, padding)
    out = np.zeros((len(x), len(w), *sizes_of(x.shape, *w.shape[2:], stride, padding)), x.dtype)
    for i in range(out.shape[2]):
        box = image[:, :, i * stride : i * stride + w.shape[2]]
        out[:, :, i] = w.reshape(len(w), -1) @ cols_by_offsets(box, *w.shape[2:], stride)
    return out if b is None else out + b[:, None, None]


def test_a_loop_over_rows_is_fast_enough():
    assert labkit.examine(FAST[0], over_rows).passed


def test_a_wrong_and_slow_answer_is_told_its_values():
    report = labkit.examine(FAST[0], lambda *args, **keywords: over_places(*args, **keywords) * 2)
    assert "slow" not in str(report) and "speed" in report.failed


def test_what_is_remembered_does_not_win_the_race():
    """Each round has other numbers; an answer that keeps those of the first is found out."""
    kept = {}

    def lazy(x, w, b=None, stride=1, padding=0):
        key = x.shape, w.shape, b is None, stride, padding
        if key not in kept or x.size < 1000:
            kept[key] = over_places(x, w, b, stride, padding)
        return kept[key]

    told = str(labkit.examine(FAST[0], lazy))
    assert "remember nothing" in told and "Right, but slow." not in told


@pytest.mark.parametrize("name", FAST)
def test_the_race_is_won_by_far_and_short(name):
    """How many times as fast right answers are: a machine under load leaves most of it."""
    exercise, answer = asked.exercise(name), RIGHT[name][0]
    case = exercise.small()["speed"]
    start = time.perf_counter()
    exercise.drive(answer, case, exercise.returns)
    assert time.perf_counter() - start < 2

    def hindered(*args, **keywords):
        """A third of what is asked is left to everybody whose answer takes a millisecond."""
        result = answer(*args, **keywords)
        end = time.perf_counter() + 0.0002
        while time.perf_counter() < end:
            pass
        return result

    assert labkit.examine(name, hindered).passed


@pytest.mark.parametrize(("name", "answer"), [(FAST[0], over_places), (FAST[1], back_over_places)])
def test_a_lost_race_makes_no_other_mistake_race(monkeypatch, name, answer):
    """A slow answer is named by the first mistake tried: that takes the time of a few races, not of a hundred."""
    labkit.examine(name, RIGHT[name][0])  # whatever is kept between checks is known now
    calls, exercise = [], asked.exercise(name)
    drive = exercise.drive

    def counting(*args):
        calls.append(args[1].args.get("x_shape"))
        return drive(*args)

    monkeypatch.setattr(asked, "exercise", lambda _: dataclasses.replace(exercise, drive=counting))
    assert labkit.examine(name, answer).mistake == "slow"
    assert sum(one is not None for one in calls) <= 7


def test_the_race_judges_by_the_least_of_several_runs():
    """An answer that is interrupted now and then wins all the same."""
    calls = []

    def interrupted(x, w, b=None, stride=1, padding=0):
        calls.append(1)
        if len(calls) % 2:
            time.sleep(0.02)
        return fast_by_offsets(x, w, b, stride, padding)

    case = Case("", {"x_shape": lab07.RACE_X, "w_shape": lab07.RACE_W, "seed": 3})
    drive = lab07.raced(lab07.forward_race)
    assert drive(interrupted, case, {"out": "array"})["out"].shape == (1, 1, 3, 912)
    with pytest.raises(Misuse, match="right but slow"):
        drive(over_places, case, {"out": "array"})
