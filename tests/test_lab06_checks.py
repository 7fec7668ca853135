"""Lab 6's checks: the student notebooks' bugs are rejected and named, strangers rejected, messages say what to do."""

import numpy as np
import pytest
from answers.lab06 import (
    RIGHT,
    avg_back_by_loops,
    avg_by_views,
    max_back_by_add_at,
    max_back_by_loops,
    max_by_views,
    network_by_einsum,
    translate_by_padding,
)
from numpy.lib.stride_tricks import sliding_window_view

import labkit

# Bugs of the student notebooks the course grew out of, as a student would write them ----------------


def pooled_with_a_mask(dout, x, kernel_size, stride=None):
    """Every tie is paid, and windows side by side are taken for granted elsewhere."""
    stride = kernel_size if stride is None else stride
    dx = np.zeros_like(x)
    n, c, oh, ow = dout.shape
    for i in range(oh):
        for j in range(ow):
            rows, columns = slice(i * stride, i * stride + kernel_size), slice(j * stride, j * stride + kernel_size)
            window = x[:, :, rows, columns]
            mask = window == window.max(axis=(2, 3), keepdims=True)
            dx[:, :, rows, columns] += mask * dout[:, :, i, j][:, :, None, None]
    return dx


def overwriting(dout, x, kernel_size, stride=None):
    stride = stride or kernel_size
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(*dout.shape):
        window = x[n, c, i * stride : i * stride + kernel_size, j * stride : j * stride + kernel_size]
        u, v = np.unravel_index(np.argmax(window), window.shape)
        dx[n, c, i * stride + u, j * stride + v] = dout[n, c, i, j]
    return dx


def later_winners(dout, x, kernel_size, stride=None):
    stride = stride or kernel_size
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(*dout.shape):
        best, where = -np.inf, None
        for u in range(i * stride, i * stride + kernel_size):
            for v in range(j * stride, j * stride + kernel_size):
                if x[n, c, u, v] >= best:
                    best, where = x[n, c, u, v], (n, c, u, v)
        dx[where] += dout[n, c, i, j]
    return dx


def column_by_column(dout, x, kernel_size, stride=None):
    stride = stride or kernel_size
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(*dout.shape):
        best, where = -np.inf, None
        for v in range(j * stride, j * stride + kernel_size):
            for u in range(i * stride, i * stride + kernel_size):
                if x[n, c, u, v] > best:
                    best, where = x[n, c, u, v], (n, c, u, v)
        dx[where] += dout[n, c, i, j]
    return dx


def back_with_stride_one(dout, x, kernel_size, stride=None):
    return max_back_by_loops(dout, x, kernel_size, stride or 1)


def from_zero(dout, x, kernel_size, stride=None):
    stride = stride or kernel_size
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(*dout.shape):
        best, u0, v0 = 0, 0, 0
        for u in range(kernel_size):
            for v in range(kernel_size):
                if x[n, c, i * stride + u, j * stride + v] > best:
                    best, u0, v0 = x[n, c, i * stride + u, j * stride + v], u, v
        dx[n, c, i * stride + u0, j * stride + v0] += dout[n, c, i, j]
    return dx


def ones_for_winners(dout, x, kernel_size, stride=None):
    return max_back_by_add_at(np.ones_like(dout), x, kernel_size, stride)


def forward_with_stride_one(x, kernel_size, stride=1):
    return max_by_views(x, kernel_size, stride or 1)


def forward_rounding_up(x, kernel_size, stride=None):
    stride = stride or kernel_size
    if kernel_size > min(x.shape[2:]):
        raise ValueError("too large")
    oh, ow = (int(np.ceil((size - kernel_size) / stride)) + 1 for size in x.shape[2:])
    out = np.zeros((*x.shape[:2], oh, ow), dtype=x.dtype)
    for i in range(oh):
        for j in range(ow):
            window = x[:, :, i * stride : i * stride + kernel_size, j * stride : j * stride + kernel_size]
            out[:, :, i, j] = window.max(axis=(2, 3))
    return out


def forward_on_squares(x, kernel_size, stride=None):
    stride = stride or kernel_size
    if kernel_size > x.shape[2] or kernel_size > x.shape[3]:
        raise ValueError("too large")
    size = (x.shape[2] - kernel_size) // stride + 1
    out = np.zeros((*x.shape[:2], size, size), dtype=x.dtype)
    for n, c, i, j in np.ndindex(*out.shape):
        out[n, c, i, j] = x[n, c, i * stride : i * stride + kernel_size, j * stride : j * stride + kernel_size].max()
    return out


def forward_with_exchanged_names(x, kernel_size, stride=None):
    stride = kernel_size if stride is None else stride
    if kernel_size > min(x.shape[2:]):
        raise ValueError("too large")
    return max_by_views(x, stride, kernel_size)


def forward_with_a_guard_for_the_stride(x, kernel_size, stride=None):
    if max(kernel_size, stride or kernel_size) > min(x.shape[2:]):
        raise ValueError("too large")
    return max_by_views(x, kernel_size, stride)


def avg_with_a_guard_for_the_stride(x, kernel_size, stride=None):
    if max(kernel_size, stride or kernel_size) > min(x.shape[2:]):
        raise ValueError("too large")
    return avg_by_views(x, kernel_size, stride)


def back_with_a_guard_for_the_stride(dout, x, kernel_size, stride=None):
    if max(kernel_size, stride or kernel_size) > min(x.shape[2:]):
        raise ValueError("too large")
    return max_back_by_loops(dout, x, kernel_size, stride)


def avg_back_with_a_guard_for_the_stride(dout, x_shape, kernel_size, stride=None):
    if max(kernel_size, stride or kernel_size) > min(x_shape[2:]):
        raise ValueError("too large")
    return avg_back_by_loops(dout, x_shape, kernel_size, stride)


def pooled_with_a_near_mask(dout, x, kernel_size, stride=None):
    stride = stride or kernel_size
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(*dout.shape):
        window = x[n, c, i * stride : i * stride + kernel_size, j * stride : j * stride + kernel_size]
        u, v = np.argwhere(np.isclose(window, window.max()))[0]
        dx[n, c, i * stride + u, j * stride + v] += dout[n, c, i, j]
    return dx


def back_of_rounded(dout, x, kernel_size, stride=None):
    return max_back_by_loops(dout, x.round(4), kernel_size, stride)


def back_within(room):
    """The first entry that is less than `room` below the largest."""

    def backward(dout, x, kernel_size, stride=None):
        stride = stride or kernel_size
        dx = np.zeros_like(x)
        for n, c, i, j in np.ndindex(*dout.shape):
            window = x[n, c, i * stride : i * stride + kernel_size, j * stride : j * stride + kernel_size]
            u, v = np.argwhere(window >= window.max() - room)[0]
            dx[n, c, i * stride + u, j * stride + v] += dout[n, c, i, j]
        return dx

    return backward


def nothing_for_zero(dout, x, kernel_size, stride=None):
    return max_back_by_loops(np.where(max_by_views(x, kernel_size, stride) == 0, 0, dout), x, kernel_size, stride)


def rows_and_columns_apart(dout, x, kernel_size, stride=None):
    stride = stride or kernel_size
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(*dout.shape):
        window = x[n, c, i * stride : i * stride + kernel_size, j * stride : j * stride + kernel_size]
        u, v = (places.min() for places in np.where(window == window.max()))
        dx[n, c, i * stride + u, j * stride + v] += dout[n, c, i, j]
    return dx


def back_to_other_places(dout, x, kernel_size, stride=None):
    stride = stride or kernel_size
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(*dout.shape):
        window = x[n, c, i * stride : i * stride + kernel_size, j * stride : j * stride + kernel_size]
        u, v = np.unravel_index(np.argmax(window), window.shape)
        dx[n, c, i * kernel_size + u, j * kernel_size + v] += dout[n, c, i, j]
    return dx


def filled_with_the_smallest(images, down, right):
    moved = translate_by_padding(images - max(images.min(), 0), down, right)
    return (moved + max(images.min(), 0)).astype(images.dtype)


def translated_through_reshape(images, down, right):
    out = np.zeros_like(images)
    flat = out.reshape(-1, *images.shape[-2:])
    for number, image in enumerate(images.reshape(flat.shape)):
        flat[number] = translate_by_padding(image, down, right)
    return out


def limited_by_the_height(images, down, right):
    h = images.shape[-2]
    return translate_by_padding(images, down, max(-h, min(h, right)))


def empty_if_moved_by_the_width(images, down, right):
    far = abs(down) >= images.shape[-1] or abs(right) >= images.shape[-1]
    return np.zeros_like(images) if far else translate_by_padding(images, down, right)


def nothing_left_at_zero(images, down, right):
    out = translate_by_padding(images, down, right)
    if right > 0:
        out[..., :right] = 0
    else:
        out[..., right:] = 0
    return out


def with_slices_that_end_before_zero(images, down, right):
    h, w = images.shape[-2:]
    out = np.zeros_like(images)
    out[..., max(down, 0) : h + min(down, 0), max(right, 0) : w + min(right, 0)] = images[
        ..., max(-down, 0) : h + min(-down, 0), max(-right, 0) : w + min(-right, 0)
    ]
    return out


def rolled(images, down, right):
    return np.roll(np.roll(images, down, axis=-2), right, axis=-1)


def rows_for_columns(images, down, right):
    return translate_by_padding(images, right, down)


def the_other_way(images, down, right):
    return translate_by_padding(images, -down, -right)


def with_negative_slices(images, down, right):
    out = np.zeros_like(images)
    h, w = images.shape[-2:]
    out[..., down:, right:] = images[..., : h - down, : w - right]
    return out


def moved_in_place(images, down, right):
    out = translate_by_padding(images, down, right).copy()
    images[...] = out
    return images


def in_steps(
    params,
    x,
    labels,
    relu=lambda da, z, a: da * (z > 0),
    pool=None,
    way=None,
    at=lambda rows, labels: (rows, labels),
    bias=None,
    view=lambda windows, w: (windows, w),
):
    """The network by hand, with some of its steps open to change; `way` changes the gradients at the end."""
    w, b, v, d = (params[name] for name in ("conv_w", "conv_b", "linear_w", "linear_b"))
    windows = sliding_window_view(x, w.shape[2:], axis=(2, 3))
    z = np.einsum("ncijuv,fcuv->nfij", *view(windows, w)) + (b[:, None, None] if bias is None else bias)
    a = np.maximum(z, 0)
    p = max_by_views(a, 2)
    flat = p.reshape(len(x), -1)
    logits = flat @ v.T + d
    log_p = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    rows = np.arange(len(x))
    dlogits = np.exp(log_p)
    dlogits[at(rows, labels)] -= 1
    dlogits /= len(x)
    dp = (dlogits @ v).reshape(p.shape)
    dz = relu((pool or max_back_by_add_at)(dp, a, 2), z, a)
    grads = {
        "conv_w": np.einsum("nfij,ncijuv->fcuv", dz, windows),
        "conv_b": dz.sum(axis=(0, 2, 3)),
        "linear_w": dlogits.T @ flat,
        "linear_b": dlogits.sum(axis=0),
    }
    if way:
        grads = grads | way(grads, x, dz, dlogits, flat, windows)
    return -log_p[rows, labels].mean(), grads


def network_with(**changes):
    return lambda params, x, labels: in_steps(params, x, labels, **changes)


network_with_ties_paid = network_with(pool=pooled_with_a_mask)
network_by_columns = network_with(pool=column_by_column)
network_with_near_ties_paid = network_with(pool=pooled_with_a_near_mask)
network_of_one_channel = network_with(
    view=lambda windows, w: (windows[:, :1], w[:, :1]),
    way=lambda g, x, dz, dlogits, flat, windows: {"conv_w": np.einsum("nfij,ncijuv->fcuv", dz, windows)},
)
network_of_mean_weights = network_with(way=lambda g, x, *_: {"conv_w": g["conv_w"] / len(x)})
network_without_relu_on_the_way_back = network_with(relu=lambda da, z, a: da)
network_with_relu_of_the_gradient = network_with(relu=lambda da, z, a: np.maximum(da, 0))
network_with_a_slope_at_zero = network_with(relu=lambda da, z, a: da * (z >= 0))
network_with_mean_biases = network_with(way=lambda g, x, dz, *_: {"conv_b": dz.mean(axis=(0, 2, 3))})
network_with_a_turned_kernel = network_with(way=lambda g, *_: {"conv_w": g["conv_w"][:, :, ::-1, ::-1]})
network_of_the_last_image = network_with(
    way=lambda g, x, dz, dlogits, flat, windows: {"conv_w": np.einsum("fij,cijuv->fcuv", dz[-1], windows[-1])}
)
network_averaged_twice = network_with(way=lambda g, x, *_: {name: one / len(x) for name, one in g.items()})
network_of_the_sum = network_with(way=lambda g, x, *_: {name: one * len(x) for name, one in g.items()})
network_with_transposed_weights = network_with(way=lambda g, *_: {"linear_w": g["linear_w"].T.copy()})


def network_that_trains(params, x, labels):
    loss, grads = network_by_einsum(params, x, labels)
    for name in params:
        params[name] -= (0.01 * grads[name]).astype(x.dtype)
    return loss, grads


def network_that_trains_first(params, x, labels):
    """The last layer is updated before the gradient goes back through it."""
    return in_steps(params | {"linear_w": params["linear_w"] + 0}, x, labels, way=stale(params))


def stale(params):
    def way(g, x, dz, dlogits, flat, windows):
        new = params["linear_w"] - 0.1 * g["linear_w"]
        moved = dlogits @ new / np.where(dlogits @ params["linear_w"] == 0, 1, dlogits @ params["linear_w"])
        n, f, oh, ow = dz.shape
        p = moved.reshape(n, f, oh // 2, ow // 2).repeat(2, axis=2).repeat(2, axis=3)
        full = np.zeros_like(dz)
        full[:, :, : oh // 2 * 2, : ow // 2 * 2] = p
        dz = dz * full
        return {
            "conv_w": np.einsum("nfij,ncijuv->fcuv", dz, windows).astype(x.dtype),
            "conv_b": dz.sum(axis=(0, 2, 3)).astype(x.dtype),
        }

    return way


def network_with_one_label(params, x, labels):
    return in_steps(params, x, np.full_like(labels, labels[0]))


def network_without_a_shift(params, x, labels):
    loss, grads = in_steps(params, x, labels)
    z = np.einsum(
        "ncijuv,fcuv->nfij", sliding_window_view(x, params["conv_w"].shape[2:], axis=(2, 3)), params["conv_w"]
    ) + params["conv_b"][:, None, None]
    logits = max_by_views(np.maximum(z, 0), 2).reshape(len(x), -1) @ params["linear_w"].T + params["linear_b"]
    e = np.exp(logits)
    p = e / e.sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(len(x)), labels]).mean(), grads


def network_with_channels_last(params, x, labels):
    """flat in the order (h, w, F), as one who thinks in keras would have it."""
    f = params["conv_w"].shape[0]
    h, w = ((size - k + 1) // 2 for size, k in zip(x.shape[2:], params["conv_w"].shape[2:]))
    mixed = params["linear_w"].reshape(-1, h, w, f).transpose(0, 3, 1, 2).reshape(len(params["linear_b"]), -1)
    loss, grads = in_steps(params | {"linear_w": mixed}, x, labels)
    back = grads["linear_w"].reshape(-1, f, h, w).transpose(0, 2, 3, 1).reshape(mixed.shape)
    return loss, grads | {"linear_w": back}


def network_with_all_labels_in_each_row(params, x, labels):
    return in_steps(params, x, labels, at=lambda rows, labels: (slice(None), labels))


def network_with_eye(params, x, labels):
    """np.eye(K)[labels] is float64."""
    loss, grads = in_steps(params, x, labels)
    return loss, {name: one.astype(float) if "linear" in name else one for name, one in grads.items()}


def network_with_a_bias_along_the_columns(params, x, labels):
    f, width = len(params["conv_b"]), x.shape[3] - params["conv_w"].shape[3] + 1
    bias = params["conv_b"] if f == width else params["conv_b"][:, None, None]
    return in_steps(params, x, labels, bias=bias)


def avg_without_division(dout, x_shape, kernel_size, stride=None):
    return avg_back_by_loops(dout, x_shape, kernel_size, stride) * dout.dtype.type(kernel_size**2)


def avg_by_the_side(x, kernel_size, stride=None):
    return avg_by_views(x, kernel_size, stride) * x.dtype.type(kernel_size)


NAMED = [
    ("max_pool2d_forward", forward_with_stride_one, "stride_none_is_one"),
    ("max_pool2d_forward", forward_rounding_up, "rounded_up"),
    ("max_pool2d_forward", forward_on_squares, "height_for_width"),
    ("max_pool2d_forward", forward_with_exchanged_names, "kernel_and_stride_exchanged"),
    ("max_pool2d_forward", forward_with_a_guard_for_the_stride, "stride_guarded"),
    ("max_pool2d_backward", back_with_a_guard_for_the_stride, "stride_guarded"),
    ("avg_pool2d_forward", avg_with_a_guard_for_the_stride, "stride_guarded"),
    ("avg_pool2d_backward", avg_back_with_a_guard_for_the_stride, "stride_guarded"),
    ("max_pool2d_backward", pooled_with_a_near_mask, "nearly_equal"),
    ("max_pool2d_backward", back_of_rounded, "nearly_equal"),
    ("max_pool2d_backward", back_to_other_places, "place_without_the_stride"),
    ("max_pool2d_backward", back_within(1e-9), "nearly_equal"),
    ("max_pool2d_backward", back_within(1e-14), "nearly_equal"),
    ("max_pool2d_backward", nothing_for_zero, "nothing_for_zero"),
    ("max_pool2d_backward", rows_and_columns_apart, "row_and_column_apart"),
    ("translate", limited_by_the_height, "height_for_width"),
    ("translate", empty_if_moved_by_the_width, "height_for_width"),
    ("translate", nothing_left_at_zero, "empty_slice_at_zero"),
    ("translate", with_slices_that_end_before_zero, "far_shift"),
    ("forward_backward", network_by_columns, "every_tie_paid"),
    ("forward_backward", network_with_near_ties_paid, "nearly_equal"),
    ("forward_backward", network_of_one_channel, "channels_not_added"),
    ("forward_backward", network_of_mean_weights, "averaged_twice"),
    ("translate", filled_with_the_smallest, "something_else_comes_in"),
    ("translate", translated_through_reshape, "written_into_a_copy"),
    ("forward_backward", network_with_all_labels_in_each_row, "labels_of_all_images"),
    ("forward_backward", network_with_eye, "precision"),
    ("forward_backward", network_with_a_bias_along_the_columns, "bias_along_a_map"),
    ("max_pool2d_backward", pooled_with_a_mask, "every_tie_paid"),
    ("max_pool2d_backward", overwriting, "overwritten"),
    ("max_pool2d_backward", later_winners, "last_winner"),
    ("max_pool2d_backward", column_by_column, "first_by_columns"),
    ("max_pool2d_backward", back_with_stride_one, "stride_none_is_one"),
    ("max_pool2d_backward", from_zero, "begins_at_zero"),
    ("max_pool2d_backward", ones_for_winners, "dout_left_out"),
    ("translate", rolled, "wraps_around"),
    ("translate", rows_for_columns, "directions_exchanged"),
    ("translate", the_other_way, "sign"),
    ("translate", with_negative_slices, "negative_slices"),
    ("translate", moved_in_place, "input_overwritten"),
    ("forward_backward", network_with_ties_paid, "every_tie_paid"),
    ("forward_backward", network_without_relu_on_the_way_back, "relu_left_out_backward"),
    ("forward_backward", network_with_relu_of_the_gradient, "relu_mask_wrong"),
    ("forward_backward", network_with_a_slope_at_zero, "slope_at_zero"),
    ("forward_backward", network_with_mean_biases, "bias_gradient_averaged"),
    ("forward_backward", network_with_a_turned_kernel, "kernel_turned"),
    ("forward_backward", network_of_the_last_image, "one_image_only"),
    ("forward_backward", network_averaged_twice, "averaged_twice"),
    ("forward_backward", network_of_the_sum, "gradient_not_averaged"),
    ("forward_backward", network_with_transposed_weights, "weights_transposed"),
    ("forward_backward", network_that_trains, "params_changed"),
    ("forward_backward", network_that_trains_first, "updated_before_use"),
    ("forward_backward", network_with_one_label, "one_label_for_all"),
    ("forward_backward", network_without_a_shift, "overflow"),
    ("forward_backward", network_with_channels_last, "flatten_order"),
    ("avg_pool2d_forward", avg_by_the_side, "divided_by_another_count"),
    ("avg_pool2d_backward", avg_without_division, "not_divided"),
]
# Some answers are made by calls and have no name of their own.
IDS = [f"{name}-{mistake}-{number}" for number, (name, _, mistake) in enumerate(NAMED)]


@pytest.mark.parametrize("seed", [0, 3])
@pytest.mark.parametrize(("name", "answer", "mistake"), NAMED, ids=IDS)
def test_bugs_of_the_notebooks_are_named(name, answer, mistake, seed):
    report = labkit.examine(name, answer, seed)
    assert not report.passed
    assert report.score == 0
    assert report.mistake == mistake, str(report)
    assert dict(report.mistakes)[mistake] in str(report)


def test_ordinary_test_data_would_have_hidden_them():
    """The reason for the cases: without ties and overlaps, on one square image, these wrong answers are right."""
    rng = np.random.default_rng(0)
    x, dout = rng.standard_normal((1, 1, 6, 6)), rng.standard_normal((1, 1, 3, 3))
    for answer in (pooled_with_a_mask, overwriting, later_winners, column_by_column):
        np.testing.assert_allclose(answer(dout, x, 2), max_back_by_loops(dout, x, 2))
    for answer in (forward_on_squares, forward_rounding_up):
        np.testing.assert_allclose(answer(x, 2), max_by_views(x, 2))


# Wrong answers like none known ------------------------------------------------------------------------


def arrays_of(args):
    """The arrays among the arguments, those in dicts too."""
    found = []
    for one in args:
        found += arrays_of(one.values()) if isinstance(one, dict) else [one] if isinstance(one, np.ndarray) else []
    return found


def changed_inputs(right, change):
    """`right` on changed floating arrays."""

    def other(value):
        if isinstance(value, dict):
            return {name: other(one) for name, one in value.items()}
        return change(value) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value

    return lambda *args, **keywords: right(*map(other, args), **keywords)


def by_shape(right):
    """What came out first for arrays of these shapes, ever again."""
    kept = {}

    def answer(*args, **keywords):
        others = [one for one in args if not isinstance(one, (np.ndarray, dict))]
        key = str(([array.shape for array in arrays_of(args)], others, keywords))
        if key not in kept:
            kept[key] = right(*args, **keywords)
        return kept[key]

    return answer


def of_magnitudes(right):
    return changed_inputs(right, np.abs)


def rounded(right):
    return changed_inputs(right, lambda one: one.round(4))


def in_row_order(right):
    """Memory read as if the arrays lay row after row."""
    return changed_inputs(right, lambda one: np.frombuffer(one.tobytes("A"), one.dtype).reshape(one.shape))


def of_one_image(right):
    """Right for a batch of one, the first image's result for all."""

    def first(one):
        return np.repeat(one[:1], len(one), axis=0)

    return changed_inputs(right, lambda one: first(one) if one.ndim >= 3 else one)


def through_float32(right):
    def answer(*args, **keywords):
        dtype = arrays_of(args)[0].dtype
        result = changed_inputs(right, lambda one: one.astype(np.float32))(*args, **keywords)
        if isinstance(result, tuple):
            return result[0], {name: one.astype(dtype) for name, one in result[1].items()}
        return result.astype(dtype)

    return answer


def with_noise(right):
    def answer(*args, **keywords):
        result, noise = right(*args, **keywords), 1e-7 * np.random.default_rng().standard_normal()
        return (result[0] + noise, result[1]) if isinstance(result, tuple) else result * (1 + noise) + noise

    return answer


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize(
    "spoil", [by_shape, of_magnitudes, rounded, in_row_order, of_one_image, through_float32, with_noise]
)
def test_right_answers_that_are_spoilt_are_rejected(name, spoil):
    assert not labkit.examine(name, spoil(RIGHT[name][0])).passed


@pytest.mark.parametrize("name", [name for name in RIGHT if name != "forward_backward"])
def test_parameters_come_by_their_names_too(name):
    right = RIGHT[name][0]
    assert not labkit.examine(name, lambda *args: right(*args)).passed


def only(fits, right):
    """`right` where the arguments fit, zeros elsewhere."""

    def answer(*args, **keywords):
        result = right(*args, **keywords)
        return result if fits(*args, **keywords) else np.zeros_like(result)

    return answer


def network_where(fits, answer=network_by_einsum):
    """Right where the images and labels fit, zero gradients elsewhere."""

    def network(params, x, labels):
        loss, grads = answer(params, x, labels)
        return loss, grads if fits(params, x, labels) else {name: np.zeros_like(one) for name, one in grads.items()}

    return network


def altered(change):
    """The right results of the network, changed."""
    return lambda params, x, labels: change(params, x, *network_by_einsum(params, x, labels))


def measured(params, x, labels):
    """A gradient by central differences, and therefore not exact."""
    loss, grads = network_by_einsum(params, x, labels)
    for f in range(len(params["conv_b"])):
        shifted = []
        for step in (1e-5, -1e-5):
            other = params["conv_b"].copy()
            other[f] += step
            shifted.append(network_by_einsum(params | {"conv_b": other}, x, labels)[0])
        grads["conv_b"][f] = (shifted[0] - shifted[1]) / 2e-5
    return loss, grads


class Grads:
    def __init__(self, grads):
        self.grads = grads

    def __getitem__(self, name):
        return self.grads[name]


def emptied(params, x, labels):
    loss, grads = network_by_einsum(dict(params), x, labels)
    params.clear()
    return loss, grads


STRANGERS = {
    "square images": ("max_pool2d_forward", only(lambda x, *_, **__: x.shape[2] == x.shape[3], max_by_views)),
    "kernel 2": ("max_pool2d_forward", lambda x, kernel_size, stride=None: max_by_views(x, 2, stride)),
    "stride 2": ("max_pool2d_forward", lambda x, kernel_size, stride=None: max_by_views(x, kernel_size, 2)),
    "at least a billion below": (
        "max_pool2d_forward",
        lambda x, kernel_size, stride=None: np.maximum(max_by_views(x, kernel_size, stride), x.dtype.type(-1e9)),
    ),
    "a list": ("max_pool2d_forward", lambda x, kernel_size, stride=None: max_by_views(x, kernel_size, stride).tolist()),
    "no ValueError": ("max_pool2d_forward", lambda x, k, stride=None: max_by_views(x, min(k, *x.shape[2:]), stride)),
    "an error of another kind": (
        "max_pool2d_forward",
        lambda x, kernel_size, stride=None: sliding_or_index_error(x, kernel_size, stride),
    ),
    "untied windows": (
        "max_pool2d_backward",
        lambda dout, x, kernel_size, stride=None: max_back_by_add_at(
            dout, x + 1e-9 * np.random.default_rng(0).standard_normal(x.shape).astype(x.dtype), kernel_size, stride
        ),
    ),
    "upstream of ones": (
        "max_pool2d_backward",
        lambda dout, x, kernel_size, stride=None: max_back_by_add_at(dout / dout, x, kernel_size, stride),
    ),
    "largest by magnitude": (
        "max_pool2d_backward",
        lambda dout, x, kernel_size, stride=None: max_back_by_add_at(dout, np.abs(x), kernel_size, stride),
    ),
    "no overlap": (
        "max_pool2d_backward",
        only(lambda dout, x, k, stride=None: stride is None or stride >= k, max_back_by_add_at),
    ),
    "at most two windows an entry": (
        "max_pool2d_backward",
        lambda dout, x, kernel_size, stride=None: np.clip(max_back_by_add_at(dout, x, kernel_size, stride), -3, 3),
    ),
    "one channel": ("max_pool2d_backward", only(lambda dout, *_, **__: dout.shape[1] == 1, max_back_by_add_at)),
    "the sum of dout stays": (
        "max_pool2d_backward",
        lambda dout, x, kernel_size, stride=None: np.full_like(x, dout.sum() / x.size),
    ),
    "down and right only": ("translate", only(lambda images, down, right: min(down, right) >= 0, translate_by_padding)),
    "four axes": ("translate", only(lambda images, down, right: images.ndim == 4, translate_by_padding)),
    "half a pixel": (
        "translate",
        lambda images, down, right: (translate_by_padding(images, down, right) + images) / 2,
    ),
    "batch 1": ("forward_backward", network_where(lambda params, x, labels: len(x) == 1)),
    "one channel, net": ("forward_backward", network_where(lambda params, x, labels: x.shape[1] == 1)),
    "square images, net": ("forward_backward", network_where(lambda params, x, labels: x.shape[2] == x.shape[3])),
    "square kernels": (
        "forward_backward",
        network_where(lambda params, x, labels: params["conv_w"].shape[2] == params["conv_w"].shape[3]),
    ),
    "sorted labels": ("forward_backward", lambda params, x, labels: network_by_einsum(params, x, np.sort(labels))),
    "int64 labels": ("forward_backward", network_where(lambda params, x, labels: labels.dtype == np.int64)),
    "measured gradients": ("forward_backward", measured),
    "weight decay": (
        "forward_backward",
        altered(lambda params, x, loss, grads: (loss, {n: grads[n] + 1e-6 * params[n] for n in grads})),
    ),
    "gradients cut off": (
        "forward_backward",
        altered(lambda params, x, loss, grads: (loss, {n: np.clip(one, -1, 1) for n, one in grads.items()})),
    ),
    "a gradient as a list": (
        "forward_backward",
        altered(lambda params, x, loss, grads: (loss, grads | {"conv_b": grads["conv_b"].tolist()})),
    ),
    "a gradient of None": (
        "forward_backward",
        altered(lambda params, x, loss, grads: (loss, grads | {"conv_w": None})),
    ),
    "a loss as an array": ("forward_backward", altered(lambda params, x, loss, grads: (np.array([loss]), grads))),
    "results exchanged": ("forward_backward", altered(lambda params, x, loss, grads: (grads, loss))),
    "the loss alone": ("forward_backward", altered(lambda params, x, loss, grads: loss)),
    "something like a dict": ("forward_backward", altered(lambda params, x, loss, grads: (loss, Grads(grads)))),
    "params emptied": ("forward_backward", emptied),
    "a divisor that counts entries of the image": (
        "avg_pool2d_forward",
        lambda x, kernel_size, stride=None: avg_by_views(x, kernel_size, stride) * 4 / kernel_size**2,
    ),
    "whole numbers": ("avg_pool2d_forward", lambda x, k, stride=None: np.floor(avg_by_views(x, k, stride))),
    "only side by side": (
        "avg_pool2d_backward",
        lambda dout, x_shape, kernel_size, stride=None: avg_back_by_loops(dout, x_shape, kernel_size, kernel_size),
    ),
    "an x_shape that is not asked": (
        "avg_pool2d_backward",
        lambda dout, x_shape, k, stride=None: avg_back_by_loops(
            dout, (*dout.shape[:2], *((size - 1) * (stride or k) + k for size in dout.shape[2:])), k, stride
        ),
    ),
}


def sliding_or_index_error(x, kernel_size, stride):
    if kernel_size > min(x.shape[2:]):
        raise IndexError("too large")
    return max_by_views(x, kernel_size, stride)


@pytest.mark.parametrize(("name", "answer"), STRANGERS.values(), ids=STRANGERS)
def test_strangers_are_rejected(name, answer):
    for seed in (0, 1):
        assert not labkit.examine(name, answer, seed).passed


# What passes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [float, np.float64, np.array, lambda loss: np.array(loss)[()]])
def test_a_loss_may_be_any_kind_of_one_number(form):
    report = labkit.examine("forward_backward", altered(lambda params, x, loss, grads: (form(loss), grads)))
    assert report.passed, str(report)


def test_grads_may_come_in_any_order_and_kind_of_dict():
    from collections import OrderedDict

    def backwards(params, x, loss, grads):
        return loss, OrderedDict((name, grads[name]) for name in sorted(grads, reverse=True))

    assert labkit.examine("forward_backward", altered(backwards)).passed


def test_an_answer_may_call_the_learners_other_functions():
    assert labkit.examine("forward_backward", network_with(pool=max_back_by_loops)).passed


# What a learner reads ---------------------------------------------------------------------------------


def test_messages_work_the_smallest_case_out():
    text = str(labkit.examine("max_pool2d_backward", pooled_with_a_mask))
    assert "x=[[1, 4], [4, 0]]" in text and "dx[0, 0, 1, 0] should be 0" in text
    text = str(labkit.examine("max_pool2d_backward", overwriting))
    assert "dx[0, 0, 0, 1] should be 5 + (-2) = 3" in text
    text = str(labkit.examine("avg_pool2d_backward", avg_without_division))
    assert "dx[0, 0, 0, 0] should be 8/4 = 2" in text
    text = str(labkit.examine("forward_backward", network_of_the_sum))
    assert 'grads["conv_w"][0, 0, 0, 0] should be' in text


def test_a_wrong_dict_is_told_in_a_sentence():
    def renamed(params, x, loss, grads):
        return loss, {f"d{name}": one for name, one in grads.items()}

    text = str(labkit.examine("forward_backward", altered(renamed)))
    assert "grads lacks conv_w, conv_b, linear_w, linear_b; grads has d" in text
    assert ", which params has not. Its keys are those of params: conv_w, conv_b, linear_w, linear_b" in text
    text = str(labkit.examine("forward_backward", altered(lambda params, x, loss, grads: (loss, list(grads.values())))))
    assert "grads is a list; expected a dict with the keys conv_w, conv_b, linear_w, linear_b" in text
    assert "it put something else into params" in str(labkit.examine("forward_backward", emptied))


def test_hints_go_from_a_question_to_nearly_the_answer():
    for one in labkit.exercises():
        if one.lab == "lab06":
            assert "?" in one.hints[0]
            assert len(one.hints[2]) > 40


def test_a_missing_error_is_named_beside_another_bug():
    """A mistake that is wrong in results too does not explain it."""

    def from_zero_without_a_guard(x, kernel_size, stride=None):
        stride = kernel_size if stride is None else stride
        n, c, h, w = x.shape
        rows, columns = (h - kernel_size) // stride + 1, (w - kernel_size) // stride + 1
        out = np.zeros((n, c, rows, columns), x.dtype)
        for i, j in np.ndindex(rows, columns):
            window = x[..., i * stride : i * stride + kernel_size, j * stride : j * stride + kernel_size]
            out[..., i, j] = np.maximum(0, window.max((2, 3)))
        return out

    named = [name for name, _ in labkit.examine("max_pool2d_forward", from_zero_without_a_guard).mistakes]
    assert named == ["begins_at_zero", "no_guard"]
