"""Lab 5's checks: the student notebooks' bugs are rejected and named, strangers rejected, messages say what to do."""

import numpy as np
import pytest
from answers.lab05 import (
    RIGHT,
    bias_by_einsum,
    input_by_taps,
    padded,
    row_by_a_matrix,
    row_by_scalars,
    weight_by_taps,
    weight_by_windows,
    whole_by_places,
)

import labkit

# Bugs of the student notebooks the course grew out of, as a student would write them ----------------


def slid_without_a_turn(dout, w, x_shape, stride=1, padding=0):
    """dx as a convolution of dout, spread and framed, with kernels that nobody turned."""
    n, c, h, width = x_shape
    f, _, kh, kw = w.shape
    oh, ow = dout.shape[2:]
    spread = np.zeros((n, f, h + 2 * padding + kh - 1, width + 2 * padding + kw - 1), w.dtype)
    spread[:, :, kh - 1 : kh + (oh - 1) * stride : stride, kw - 1 : kw + (ow - 1) * stride : stride] = dout
    dx = np.zeros(x_shape, w.dtype)
    for i in range(h):
        for j in range(width):
            window = spread[:, :, i + padding : i + padding + kh, j + padding : j + padding + kw]
            dx[:, :, i, j] = np.tensordot(window, w, ([1, 2, 3], [0, 2, 3]))
    return dx


def columns_in_the_other_order(dout, x, w_shape, stride=1, padding=0):
    """Patches lie place by place, dout image by image: exact for one image."""
    f, c, kh, kw = w_shape
    frame, columns = padded(x, padding), []
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            for n in range(len(x)):
                columns.append(frame[n, :, i * stride : i * stride + kh, j * stride : j * stride + kw].ravel())
    return (dout.transpose(1, 0, 2, 3).reshape(f, -1) @ np.array(columns)).reshape(w_shape)


def first_channel_for_all(dout, w, x_shape, stride=1, padding=0):
    dx = input_by_taps(dout, w, x_shape, stride, padding)
    for c in range(1, x_shape[1]):
        dx[:, c] = dx[:, 0]
    return dx


def cropped_from_p_to_minus_p(dout, w, x_shape, stride=1, padding=0):
    n, c, h, width = x_shape
    frame = input_by_taps(dout, w, (n, c, h + 2 * padding, width + 2 * padding), stride)
    return frame[:, :, padding:-padding, padding:-padding]


def cropped_the_other_array(dout, w, x_shape, stride=1, padding=0):
    n, c, h, width = x_shape
    dx_padded = np.zeros((n, c, h + 2 * padding, width + 2 * padding), dout.dtype)
    if padding == 0:
        return input_by_taps(dout, w, x_shape, stride)
    dx = np.zeros_like(dx_padded)
    dx += input_by_taps(dout, w, dx_padded.shape, stride)
    return dx_padded[:, :, padding:-padding, padding:-padding]


def assigned(dout, w, x_shape, stride=1, padding=0):
    n, c, h, width = x_shape
    kh, kw = w.shape[2:]
    dx = np.zeros((n, c, h + 2 * padding, width + 2 * padding), dout.dtype)
    for m, f, i, j in np.ndindex(dout.shape):
        dx[m, :, i * stride : i * stride + kh, j * stride : j * stride + kw] = dout[m, f, i, j] * w[f]
    return dx[:, :, padding : padding + h, padding : padding + width]


def of_the_last_image(dout, x, w_shape, stride=1, padding=0):
    for n in range(len(x)):
        dw = weight_by_taps(dout[n : n + 1], x[n : n + 1], w_shape, stride, padding)
    return dw


def divided_by_the_batch(dout, x, w_shape, stride=1, padding=0):
    return (weight_by_taps(dout, x, w_shape, stride, padding) / len(x)).astype(x.dtype)


def nothing_returned(dout, x, w, stride=1, padding=0):
    whole_by_places(dout, x, w, stride, padding)


def in_the_whole(dx=None, dw=None, db=None):
    def answer(dout, x, w, stride=1, padding=0):
        three = whole_by_places(dout, x, w, stride, padding)
        return (
            dx(dout, w, x.shape, stride, padding) if dx else three[0],
            dw(dout, x, w.shape, stride, padding) if dw else three[1],
            db(dout) if db else three[2],
        )

    return answer


def step_before_dx(rate, in_place):
    def answer(dout, x, w, stride=1, padding=0):
        _, dw, db = whole_by_places(dout, x, w, stride, padding)
        if in_place:
            w -= np.asarray(rate, w.dtype) * dw
        else:
            w = w - np.asarray(rate, w.dtype) * dw
        return input_by_taps(dout, w, x.shape, stride, padding), dw, db

    return answer


def step_after_dx(dout, x, w, stride=1, padding=0):
    results = whole_by_places(dout, x, w, stride, padding)
    w -= np.asarray(0.01, w.dtype) * results[1]
    return results


def bias_of_the_last_image(dout):
    return dout[-1].sum(axis=(1, 2))


def mean_of_the_bias(dout):
    return dout.mean(axis=(0, 2, 3))


def row_step_before_dx(dout, x, w, stride=1, padding=0):
    dw = row_by_scalars(dout, x, w, stride, padding)[1]
    w -= np.asarray(0.05, w.dtype) * dw
    return row_by_scalars(dout, x, w, stride, padding)[0], dw


def row_assigned(dout, x, w, stride=1, padding=0):
    ends, dx, dw = np.pad(x, padding), np.zeros(len(x) + 2 * padding, x.dtype), np.zeros_like(w)
    for i in range(len(dout)):
        here = slice(i * stride, i * stride + len(w))
        dx[here] = dout[i] * w
        dw = dout[i] * ends[here]
    return dx[padding : padding + len(x)], dw


def row_turned(dout, x, w, stride=1, padding=0):
    return row_by_scalars(dout, x, w[::-1], stride, padding)


def row_cropped_from_p_to_minus_p(dout, x, w, stride=1, padding=0):
    dx, dw = row_by_a_matrix(dout, np.pad(x, padding), w, stride)
    return dx[padding:-padding], dw


def calling(handed_on):
    """Two of the parts called with handed_on(stride, padding); they are written with plain loops."""

    def answer(dout, x, w, stride=1, padding=0):
        more = handed_on(stride, padding)
        dx = all_images_at_once(dout, w, x.shape, *more, each=True)
        return dx, all_filters_at_once(dout, x, w.shape, *more, each=True), bias_by_einsum(dout)

    return answer


def all_filters_at_once(dout, x, w_shape, stride=1, padding=0, each=False):
    """dw += where dw[f] += belongs; with `each`, right."""
    frame, dw = padded(x, padding), np.zeros(w_shape, x.dtype)
    for n, f, i, j in np.ndindex(dout.shape):
        here = dw[f] if each else dw
        top, left = i * stride, j * stride
        here += dout[n, f, i, j] * frame[n, :, top : top + w_shape[2], left : left + w_shape[3]]
    return dw


def all_axes_padded(dout, x, w_shape, stride=1, padding=0):
    frame, dw = np.pad(x, padding), np.zeros(w_shape, x.dtype)
    for n, f, i, j in np.ndindex(dout.shape):
        top, left = i * stride, j * stride
        dw[f] += dout[n, f, i, j] * frame[n, :, top : top + w_shape[2], left : left + w_shape[3]]
    return dw


def rows_and_columns_swapped(dout, x, w_shape, stride=1, padding=0):
    frame, dw = padded(x, padding), np.zeros(w_shape, x.dtype)
    n_images, filters, ow, oh = dout.shape
    for n, f, i, j in np.ndindex(n_images, filters, oh, ow):
        top, left = i * stride, j * stride
        dw[f] += dout[n, f, i, j] * frame[n, :, top : top + w_shape[2], left : left + w_shape[3]]
    return dw


def all_images_at_once(dout, w, x_shape, stride=1, padding=0, each=False):
    """dx[:, :, …] += where dx[n, :, …] += belongs; with `each`, right."""
    n, c, h, width = x_shape
    dx = np.zeros((n, c, h + 2 * padding, width + 2 * padding), dout.dtype)
    for m, f, i, j in np.ndindex(dout.shape):
        here = dx[m : m + 1] if each else dx
        here[..., i * stride : i * stride + w.shape[2], j * stride : j * stride + w.shape[3]] += dout[m, f, i, j] * w[f]
    return dx[:, :, padding : padding + h, padding : padding + width]


def row_as_long_as_the_windows(dout, x, w, stride=1, padding=0):
    dx, dw = np.zeros((len(dout) - 1) * stride + len(w), x.dtype), row_by_scalars(dout, x, w, stride, padding)[1]
    for i in range(len(dout)):
        dx[i * stride : i * stride + len(w)] += dout[i] * w
    return dx[padding : padding + len(x)], dw


def row_with_dw_reversed(dout, x, w, stride=1, padding=0):
    dx, dw = row_by_scalars(dout, x, w, stride, padding)
    return dx, dw[::-1]


def row_with_one_zero_more(dout, x, w, stride=1, padding=0):
    dx, dw = row_as_long_as_the_windows(dout, x, w, stride, padding)
    return (np.append(dx, 0) if len(dx) < len(x) else dx).astype(x.dtype), dw


def row_by_an_index_array(dout, x, w, stride=1, padding=0):
    ends = np.pad(x, padding)
    dx, here = np.zeros_like(ends), np.arange(len(dout))[:, None] * stride + np.arange(len(w))
    dx[here] += dout[:, None] * w
    return dx[padding : padding + len(x)], dout @ ends[here]


def row_from_the_end(dout, x, w, stride=1, padding=0):
    """An index below 0 counts from the end."""
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i in range(len(dout)):
        for k in range(len(w)):
            at = i * stride + k - padding
            if at < len(x):
                dx[at] += dout[i] * w[k]
                dw[k] += dout[i] * x[at]
    return dx, dw


def left_over_of_the_rows(dout, w, x_shape, stride=1, padding=0):
    n, c, h, width = x_shape
    reach = [(places - 1) * stride + k for places, k in zip(dout.shape[2:], w.shape[2:])]
    dx = input_by_taps(dout, w, (n, c, *reach), stride)
    extra = h + 2 * padding - dx.shape[2]
    dx = np.pad(dx, ((0, 0), (0, 0), (0, extra), (0, extra)))
    return dx[:, :, padding : padding + h, padding : padding + width]


def rows_left_over_cut_from_both(dout, x, w_shape, stride=1, padding=0):
    frame, (kh, kw) = padded(x, padding), w_shape[2:]
    extra = (frame.shape[2] - kh) % stride
    frame = frame[:, :, : frame.shape[2] - extra, : frame.shape[3] - extra]
    dw = np.zeros(w_shape, x.dtype)
    for u, v in np.ndindex(kh, kw):
        under = frame[:, :, u : frame.shape[2] - kh + u + 1 : stride, v : frame.shape[3] - kw + v + 1 : stride]
        dw[:, :, u, v] = np.einsum("nfij,ncij->fc", dout, under)
    return dw


def filters_at_the_second_axis(dout, w, x_shape, stride=1, padding=0):
    n, c, h, width = x_shape
    dx = np.zeros((n, c, h + 2 * padding, width + 2 * padding), dout.dtype)
    for m, f, i, j in np.ndindex(dout.shape):
        kernel = w[:, f] if w.shape[0] == w.shape[1] else w[f]
        top, left = i * stride, j * stride
        dx[m, :, top : top + w.shape[2], left : left + w.shape[3]] += dout[m, f, i, j] * kernel
    return dx[:, :, padding : padding + h, padding : padding + width]


def in_kept_arrays(right):
    """Arrays made in the first call for these shapes, and filled anew in the later ones."""
    kept = {}

    def put(at, one):
        kept.setdefault((at, one.shape, one.dtype), np.zeros_like(one))[...] = one
        return kept[at, one.shape, one.dtype]

    def answer(*args, **keywords):
        result = right(*args, **keywords)
        return tuple(map(put, range(3), result)) if isinstance(result, (tuple, list)) else put(0, result)

    return answer


NAMED = [
    ("conv1d_backward", row_with_one_zero_more, "one_entry_over"),
    ("conv1d_backward", row_by_an_index_array, "overwritten"),
    ("conv1d_backward", row_from_the_end, "negative_index"),
    ("conv2d_backward_input", left_over_of_the_rows, "left_over_of_one_axis"),
    ("conv2d_backward_weight", rows_left_over_cut_from_both, "left_over_of_one_axis"),
    ("conv2d_backward", in_the_whole(dx=left_over_of_the_rows), "left_over_of_one_axis"),
    ("conv2d_backward", in_the_whole(dw=rows_left_over_cut_from_both), "left_over_of_one_axis"),
    ("conv2d_backward_input", filters_at_the_second_axis, "filters_for_channels"),
    *((name, in_kept_arrays(answers[0]), "reused") for name, answers in RIGHT.items()),
    ("conv2d_backward_input", slid_without_a_turn, "kernel_turned"),
    ("conv2d_backward_weight", columns_in_the_other_order, "batch_and_space_scrambled"),
    ("conv2d_backward_input", first_channel_for_all, "first_channel_everywhere"),
    ("conv2d_backward_input", cropped_from_p_to_minus_p, "empty_slice_at_zero"),
    ("conv2d_backward_input", cropped_the_other_array, "never_written"),
    ("conv2d_backward_input", assigned, "overwritten"),
    ("conv2d_backward_weight", of_the_last_image, "one_image_only"),
    ("conv2d_backward_weight", divided_by_the_batch, "averaged"),
    ("conv2d_backward_bias", mean_of_the_bias, "averaged"),
    ("conv2d_backward", in_the_whole(dx=slid_without_a_turn), "kernel_turned"),
    ("conv2d_backward", in_the_whole(dw=columns_in_the_other_order), "batch_and_space_scrambled"),
    ("conv2d_backward", in_the_whole(dx=first_channel_for_all), "first_channel_everywhere"),
    ("conv2d_backward", in_the_whole(dx=cropped_from_p_to_minus_p), "empty_slice_at_zero"),
    ("conv2d_backward", in_the_whole(dx=cropped_the_other_array), "never_written"),
    ("conv2d_backward", in_the_whole(dx=assigned), "overwritten"),
    ("conv2d_backward", in_the_whole(dw=of_the_last_image), "one_image_only"),
    ("conv2d_backward", in_the_whole(dw=of_the_last_image, db=bias_of_the_last_image), "one_image_only"),
    ("conv2d_backward", in_the_whole(dw=divided_by_the_batch), "averaged"),
    ("conv2d_backward", in_the_whole(db=mean_of_the_bias), "averaged"),
    ("conv2d_backward", nothing_returned, "none_returned"),
    ("conv2d_backward", step_before_dx(0.5, in_place=True), "updated_before_dx"),
    ("conv2d_backward", step_before_dx(0.001, in_place=False), "updated_before_dx"),
    ("conv2d_backward", step_after_dx, "weights_changed"),
    ("conv2d_backward", calling(lambda s, p: ()), "not_handed_on"),
    ("conv2d_backward", calling(lambda s, p: (s,)), "padding_ignored"),
    ("conv2d_backward", calling(lambda s, p: (1, p)), "stride_ignored"),
    ("conv2d_backward", calling(lambda s, p: (p, s)), "stride_and_padding_swapped"),
    ("conv2d_backward", in_the_whole(db=lambda dout: dout.sum((0, 2, 3), keepdims=True)), "axes_kept"),
    ("conv2d_backward_weight", all_axes_padded, "all_axes_padded"),
    ("conv2d_backward_weight", all_filters_at_once, "filters_summed"),
    ("conv2d_backward_weight", rows_and_columns_swapped, "height_for_width"),
    ("conv2d_backward_input", all_images_at_once, "images_summed"),
    ("conv1d_backward", row_as_long_as_the_windows, "left_over_cut"),
    ("conv1d_backward", row_with_dw_reversed, "dw_reversed"),
    ("conv1d_backward", row_step_before_dx, "updated_before_dx"),
    ("conv1d_backward", row_assigned, "overwritten"),
    ("conv1d_backward", row_turned, "kernel_turned"),
    ("conv1d_backward", row_cropped_from_p_to_minus_p, "empty_slice_at_zero"),
]


@pytest.mark.parametrize(("name", "answer", "mistake"), NAMED)
def test_bugs_of_the_notebooks_are_named(name, answer, mistake):
    report = labkit.examine(name, answer, seed=3)
    assert not report.passed
    assert report.score == 0
    assert report.mistake == mistake, str(report)
    assert dict(report.mistakes)[mistake] in str(report)


def test_the_scrambled_gradient_is_exact_for_one_image():
    """The reason for the cases: a check with one image would have let it pass."""
    rng = np.random.default_rng(0)
    x, dout = rng.standard_normal((1, 2, 6, 7)), rng.standard_normal((1, 3, 4, 6))
    found = columns_in_the_other_order(dout, x, (3, 2, 3, 2))
    np.testing.assert_allclose(found, weight_by_windows(dout, x, (3, 2, 3, 2)))


def test_an_entry_is_worked_out_beside_the_turned_one():
    report = str(labkit.examine("conv2d_backward_input", slid_without_a_turn))
    assert "dx[0, 0, 0, 0] should be 1·3 = 3" in report
    assert "yours is 1·(-1) = -1" in report


# Outputs of any shape are judged ------------------------------------------------------------------------

ODD_SHAPES = {
    "over axes 0, 1, 2": lambda db, dout: dout.sum((0, 1, 2)),
    "over axes 0, 1": lambda db, dout: dout.sum((0, 1)),
    "as many as rows": lambda db, dout: np.zeros(dout.shape[2], dout.dtype),
    "one more": lambda one, dout: np.append(one, one.ravel()[:1]),
    "an axis more": lambda one, dout: one[None],
    "a row less": lambda one, dout: one[:-1],
    "0-d": lambda one, dout: one.sum(),
    "0-d array": lambda one, dout: np.array(one.sum()),
    "NaN": lambda one, dout: np.full_like(one, np.nan),
    "booleans": lambda one, dout: one > 0,
}


@pytest.mark.parametrize("name", ["conv1d_backward", "conv2d_backward"])
@pytest.mark.parametrize("how", ODD_SHAPES)
def test_results_of_any_shape_are_judged(name, how):
    """Each result alone; the axes of dout's sums exist for images only."""
    if name == "conv1d_backward" and how.startswith(("over", "as")):
        pytest.skip("a row has one axis")
    for at in range(3 if name == "conv2d_backward" else 2):

        def answer(dout, *args, at=at, **keywords):
            results = list(RIGHT[name][0](dout, *args, **keywords))
            results[at] = ODD_SHAPES[how](results[at], dout)
            return tuple(results)

        report = labkit.examine(name, answer)
        assert not report.passed
        assert report.mistake != "updated_before_dx"


# Right on lazy data only: each is rejected by a case that says so --------------------------------------


def shape_of(args, name):
    """The shape of x or w, given itself or by its shape."""
    return args[name].shape if name in args else args[f"{name}_shape"]


LAZY = {
    "a batch of 1": lambda args: len(args["dout"]) == 1,
    "square images": lambda args: shape_of(args, "x")[2] == shape_of(args, "x")[3],
    "square images and kernels": lambda args: shape_of(args, "w")[2] == shape_of(args, "w")[3],
    "stride 1": lambda args: args.get("stride", 1) == 1,
    "padding 0": lambda args: args.get("padding", 0) == 0,
    "one channel": lambda args: shape_of(args, "x")[1] == 1,
    "symmetric kernels": lambda args: "w" in args and np.array_equal(args["w"], np.flip(args["w"], (2, 3))),
    "an upstream of ones": lambda args: np.all(args["dout"] == 1),
}
PARAMETERS = {
    "conv2d_backward_weight": ("dout", "x", "w_shape", "stride", "padding"),
    "conv2d_backward_input": ("dout", "w", "x_shape", "stride", "padding"),
    "conv2d_backward": ("dout", "x", "w", "stride", "padding"),
}


def right_only(name, condition):
    """Right where the condition holds; elsewhere half of the gradient is missing."""

    def answer(*given, **keywords):
        args = dict(zip(PARAMETERS[name], given)) | keywords
        result = RIGHT[name][0](*given, **keywords)
        if condition(args):
            return result
        return [one / 2 for one in result] if isinstance(result, (list, tuple)) else result / 2

    return answer


@pytest.mark.parametrize("name", PARAMETERS)
@pytest.mark.parametrize("lazy", LAZY)
def test_right_on_lazy_data_only_is_rejected_by_a_case_that_says_so(name, lazy):
    report = labkit.examine(name, right_only(name, LAZY[lazy]), seed=1)
    assert not report.passed
    assert any(lazy.split()[-1] in catches and "right" in catches for catches, _ in report.failed.values()), str(report)


# Wrong answers like none known ------------------------------------------------------------------------


def by_shape(right):
    """What came out first for arrays of these shapes, ever again."""
    kept = {}

    def answer(*args, **keywords):
        key = (*map(np.shape, args), *sorted(keywords.items()))
        if key not in kept:
            kept[key] = right(*args, **keywords)
        return kept[key]

    return answer


def each(change):
    """A function whose arrays are changed on the way in."""

    def spoil(right):
        def answer(*args, **keywords):
            return right(*(change(one) if isinstance(one, np.ndarray) else one for one in args), **keywords)

        return answer

    return spoil


def each_result(change):
    def spoil(right):
        def answer(*args, **keywords):
            result = right(*args, **keywords)
            return tuple(map(change, result)) if isinstance(result, (tuple, list)) else change(result)

        return answer

    return spoil


def in_float32(right):
    narrow = each(lambda one: one.astype(np.float32))(right)

    def answer(*args, **keywords):
        return each_result(lambda one: one.astype(args[0].dtype))(narrow)(*args, **keywords)

    return answer


def without_keywords(right):
    return lambda *args: right(*args)


def accumulating(right):
    """Gradients are added to those of the last call."""
    kept = {}

    def add(one):
        kept[one.shape] = kept.get(one.shape, 0) + one
        return kept[one.shape]

    return each_result(add)(right)


def writing_into_dout(right):
    def answer(dout, *args, **keywords):
        result = right(dout.copy(), *args, **keywords)
        dout *= 2
        return result

    return answer


def largest_alone(one):
    return np.where(np.abs(one) == np.abs(one).max(), one, 0)


SPOILT = {
    "remembered by shape": by_shape,
    "computed in float32": in_float32,
    "memory read in row order": each(lambda one: np.frombuffer(one.tobytes("A"), one.dtype).reshape(one.shape)),
    "magnitudes": each(np.abs),
    "positive parts": each(lambda one: np.maximum(one, 0)),
    "rounded": each(lambda one: one.round(5)),
    "added to the last call": accumulating,
    "dout overwritten": writing_into_dout,
    "lists": each_result(lambda one: one.tolist()),
    "a little noise": each_result(lambda one: one + 1e-7),
    "clipped": each_result(lambda one: np.clip(one, -3, 3)),
    "normalised": each_result(lambda one: one / np.linalg.norm(one)),
    "an axis more": each_result(lambda one: one[None]),
    "long double": each_result(lambda one: one.astype(np.longdouble)),
}


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("how", SPOILT)
def test_right_answers_that_are_spoilt_are_rejected(name, how):
    if how == "long double" and np.dtype(np.longdouble) == np.float64:
        pytest.skip("no wider float on this machine")
    if how == "memory read in row order" and name == "conv1d_backward":
        pytest.skip("a row has one order only")
    assert not labkit.examine(name, SPOILT[how](RIGHT[name][0])).passed


@pytest.mark.parametrize("name", [name for name in RIGHT if name != "conv2d_backward_bias"])
def test_stride_and_padding_come_by_their_names_too(name):
    assert not labkit.examine(name, without_keywords(RIGHT[name][0])).passed


def odd_kernels_only(dout, w, x_shape, stride=1, padding=0):
    """The middle of a kernel is at KH // 2: for an even kernel everything is moved by one."""
    dx = input_by_taps(dout, w, x_shape, stride, padding)
    return dx if w.shape[2] % 2 else np.roll(dx, 1, 2)


def same_padding_assumed(dout, w, x_shape, stride=1, padding=0):
    return input_by_taps(dout, w, x_shape, stride, (w.shape[2] - 1) // 2 if padding else 0)


def edge_repeated(dout, x, w_shape, stride=1, padding=0):
    frame = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)], "edge")
    return weight_by_taps(dout, frame, w_shape, stride, 0)


def left_over_repeated(dout, w, x_shape, stride=1, padding=0):
    """Rows that no window reached get the last row's gradient."""
    dx = input_by_taps(dout, w, x_shape, stride, padding)
    reached = (dout.shape[2] - 1) * stride + w.shape[2] - padding
    dx[:, :, reached:] = dx[:, :, min(reached, x_shape[2]) - 1 : min(reached, x_shape[2])]
    return dx


def first_batch_size_kept(right):
    """The batch size of the first call is hard-wired."""
    kept = []

    def answer(dout, *args, **keywords):
        kept.append(len(dout))
        return right(dout[: kept[0]], *args, **keywords)

    return answer


def bias_of_large_maps(dout):
    return dout[:, :, :8, :4].sum(axis=(0, 2, 3))


def bias_by_batch_mean_and_area(dout):
    return dout.mean(axis=(0, 2, 3)) * dout[0, 0].size


STRANGERS = {
    "odd kernels only": ("conv2d_backward_input", odd_kernels_only),
    "same padding assumed": ("conv2d_backward_input", same_padding_assumed),
    "edge repeated": ("conv2d_backward_weight", edge_repeated),
    "left over repeated": ("conv2d_backward_input", left_over_repeated),
    "first batch size kept": ("conv2d_backward_bias", first_batch_size_kept(bias_by_einsum)),
    "bias of large maps": ("conv2d_backward_bias", bias_of_large_maps),
    "bias by mean and area": ("conv2d_backward_bias", bias_by_batch_mean_and_area),
    "largest entry alone": ("conv2d_backward_bias", each_result(largest_alone)(bias_by_einsum)),
    "sum of everything": ("conv2d_backward", lambda *args, **keywords: sum(one.sum() for one in args[:3])),
    "a generator": ("conv2d_backward", lambda *args, **keywords: iter(whole_by_places(*args, **keywords))),
    "a dict": (
        "conv2d_backward",
        lambda *args, **keywords: dict(zip(("dx", "dw", "db"), whole_by_places(*args, **keywords))),
    ),
    "four results": ("conv2d_backward", lambda *args, **keywords: (*whole_by_places(*args, **keywords), None)),
    "other names": ("conv1d_backward", lambda dout, x, w, s=1, p=0: row_by_scalars(dout, x, w, s, p)),
    "other defaults": (
        "conv1d_backward",
        lambda dout, x, w, stride=2, padding=1: row_by_scalars(dout, x, w, stride, padding),
    ),
}


@pytest.mark.parametrize("which", STRANGERS)
def test_other_wrong_answers_are_rejected(which):
    name, answer = STRANGERS[which]
    assert not labkit.examine(name, answer).passed
