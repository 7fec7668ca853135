"""Lab 6, pooling, invariance, and a network by hand: what is true, by torch, and the known ways to be wrong."""

import math
from collections.abc import Callable
from functools import lru_cache
from types import SimpleNamespace

import numpy as np
import torch
import torch.nn.functional as F

from labkit.asked.lab06 import PARAMS, places
from labkit.checks.comparing import number
from labkit.references.reference import Mistake, Reference, with_torch
from labkit.references.shared import autograd, factor, require_fit, same_precision

# What is true -------------------------------------------------------------------------------------


@with_torch
def max_pool2d_forward(x, kernel_size, stride=None):
    require_fit(x.shape[2:], (kernel_size, kernel_size))
    return F.max_pool2d(x, kernel_size, stride)


max_pool2d_backward = autograd(F.max_pool2d)


@with_torch
def translate(images, down, right):
    return F.pad(images, (right, -right, down, -down)) if fits(images, down, right) else torch.zeros_like(images)


def fits(images, down, right) -> bool:
    """Whether anything of the images is left."""
    return abs(down) < images.shape[-2] and abs(right) < images.shape[-1]


def forward_backward(params, x, labels):
    tensors = {name: torch.tensor(params[name]).requires_grad_() for name in PARAMS}
    z = F.conv2d(torch.tensor(x), tensors["conv_w"], tensors["conv_b"])
    flat = F.max_pool2d(F.relu(z), 2).flatten(1)
    loss = F.cross_entropy(F.linear(flat, tensors["linear_w"], tensors["linear_b"]), torch.tensor(labels).long())
    grads = torch.autograd.grad(loss, list(tensors.values()))
    return loss.detach().numpy(), {name: one.numpy() for name, one in zip(PARAMS, grads)}


@with_torch
def avg_pool2d_forward(x, kernel_size, stride=None):
    require_fit(x.shape[2:], (kernel_size, kernel_size))
    return F.avg_pool2d(x, kernel_size, stride)


@with_torch
def avg_pool2d_backward(dout, x_shape, kernel_size, stride=None):
    x = torch.zeros(x_shape, dtype=dout.dtype, requires_grad=True)
    return torch.autograd.grad(F.avg_pool2d(x, kernel_size, stride), x, dout)[0]


# How an entry is computed ----------------------------------------------------------------------------


MOST_TERMS = 12  # numbers that can be written out in one sum


def step_of(kernel_size, stride):
    return kernel_size if stride is None else stride


def window_of(index, x, kernel_size, stride):
    n, c, i, j = index
    top, left = i * step_of(kernel_size, stride), j * step_of(kernel_size, stride)
    return x[n, c, top : top + kernel_size, left : left + kernel_size]


def listed(entries, between=", ", write=number):
    entries = [float(one) for one in entries]
    return between.join(map(write, entries)) if 0 < len(entries) <= MOST_TERMS else None


def max_terms(output, index, x, kernel_size, stride=None):
    inside = listed(window_of(index, x, kernel_size, stride).ravel())
    return inside and f"max({inside})"


def avg_terms(output, index, x, kernel_size, stride=None):
    inside = listed(window_of(index, x, kernel_size, stride).ravel(), " + ", factor)
    return inside and f"({inside}) / {kernel_size**2}"


def windows_over(index, dout, kernel_size, stride):
    """The places in dout whose windows hold the entry `index` of dx, and the entry's place in each window."""
    n, c, row, column = index
    s = step_of(kernel_size, stride)
    for i, j in np.ndindex(dout.shape[2:]):
        inside = row - i * s, column - j * s
        if all(0 <= one < kernel_size for one in inside):
            yield (n, c, i, j), inside


def max_backward_terms(output, index, dout, x, kernel_size, stride=None):
    won = [
        dout[place]
        for place, inside in windows_over(index, dout, kernel_size, stride)
        if np.argmax(window_of(place, x, kernel_size, stride)) == inside[0] * kernel_size + inside[1]
    ]
    return listed(won, " + ", factor)


def avg_backward_terms(output, index, dout, x_shape, kernel_size, stride=None):
    paid = [dout[place] for place, _ in windows_over(index, dout, kernel_size, stride)]
    return listed(paid, " + ", lambda one: f"{factor(one)}/{kernel_size**2}")


def network_terms(output, index, conv_w, conv_b, linear_w, linear_b, x, labels):
    s = right_way(*bits({"conv_w": conv_w, "conv_b": conv_b, "linear_w": linear_w, "linear_b": linear_b}, x, labels))
    if output == "loss":
        logs = " - ".join(f"log({probability(row, label)})" for row, label in zip(s.logits, labels))
        return f"-{logs}" if len(labels) == 1 else f"(-{logs}) / {len(labels)}"
    if "linear" in output:
        d = s.dlogits[:, index[0]]
        pairs = [(one,) for one in d] if "_b" in output else list(zip(d, s.flat[:, index[1]]))
    else:
        f, *inside = index
        lit = [(n, i, j) for n, i, j in np.argwhere(s.dz[:, f].numpy())]
        pairs = [(s.dz[n, f, i, j],) for n, i, j in lit]
        if inside:
            c, u, v = inside
            pairs = [(*pair, x[n, c, i + u, j + v]) for pair, (n, i, j) in zip(pairs, lit)]
    if len(pairs) > MOST_TERMS:
        return None
    return " + ".join("·".join(factor(float(one)) for one in pair) for pair in pairs) or None


def probability(row, label):
    powers = [f"e^{factor(float(one))}" for one in row]
    return f"{powers[label]} / ({' + '.join(powers)})"


# Sentences -----------------------------------------------------------------------------------------

PRECISION = (
    "The precision changed: float32 in must give float32 out, and float64 stays float64. "
    "np.zeros makes float64 unless you pass dtype=x.dtype; np.zeros_like(x) takes it from x."
)
IN_PLACE = "You changed an input. The caller still needs it: work on a copy, or on a new array."
AXIS_LOST = "You lost an axis of length 1. The result always has four axes."
NONE_IS_ONE = "You read a stride of None as 1. It means kernel_size: windows side by side."
STRIDE_IGNORED = "You left out the stride: windows begin every kernel_size entries only where it is None."
EXCHANGED = "You exchanged kernel_size and stride. A window is kernel_size large; the next one begins stride further."
ROUNDED_UP = (
    "You counted windows that stick out of the image. Sizes round down: (H − kernel_size) // stride + 1, "
    "and rows and columns that are left over belong to no window."
)
LAST_MISSING = "The last row and column of windows are missing: there are (H − kernel_size) // stride + 1."
FROM_STRIDE = (
    "You counted the windows as H // stride or H // kernel_size. That is right only where windows lie side by side. "
    "In general there are (H − kernel_size) // stride + 1."
)
HEIGHT = "You used the height where the width belongs, or the other way round. Square images hide that."
STRIDE_ONE_WAY = "You used the stride in one direction only. It holds for rows and for columns."
BEGINS = (
    "Your search for the largest entry begins at a number of your own. Where all entries of a window lie below it, "
    "it is "
    "taken for the largest. Begin at the window's first entry, or at −∞."
)
STARTS = (0, -1, -100, -999, -1000, -1e6, -1e9)
ONE_IMAGE = "Only one image counts. Each image of the batch has windows of its own."
ONE_CHANNEL = "You mixed up the channels. Each channel is pooled by itself."
WINDOW_SIZE = "Your windows have the wrong size: they are kernel_size high and kernel_size wide."
TRANSPOSED = "Rows and columns of the result are exchanged. Row i comes from the image's rows."
OVERWRITTEN = (
    "Where windows overlap, the gradient of one window overwrites that of another. An entry gets the sum over all "
    "windows it belongs to: +=, not =."
)
STRIDE_GUARDED = (
    "You refused a stride larger than the image. Only the window has to fit: with such a stride there is just one."
)
SIZE_OF_DX = (
    "dx has not the shape of x. Rows and columns that no window touched belong to it too, with a gradient of 0. "
    "Begin with np.zeros of the shape of x."
)


def precision(right) -> Mistake:
    return Mistake("precision", PRECISION, same_precision(right))


def in_place(right, *changes) -> Mistake:
    """Right results, and an input changed on the way by each of `changes`."""

    def after(change):
        def answer(*args, **keywords):
            result = right(*args, **keywords)
            change(*args, *keywords.values())
            return result

        return answer

    return Mistake("input_overwritten", IN_PLACE, tuple(map(after, changes)))


def axis_lost(right) -> Mistake:
    return Mistake("axis_lost", AXIS_LOST, (lambda *args, **keywords: right(*args, **keywords).squeeze(),))


# Wrong ways to pool ----------------------------------------------------------------------------------


def right_counts(h, w, k, s):
    return places(h, k, s), places(w, k, s)


def with_room(h, w, k, s):
    """The windows that begin inside the image, as torch counts with ceil_mode."""
    return tuple(min(-(-(size - k) // s) + 1, (size - 1) // s + 1) for size in (h, w))


def both(count: Callable) -> Callable:
    """Counts of windows from the count along one axis, of (size, kernel, stride)."""
    return lambda h, w, k, s: (count(h, k, s), count(w, k, s))


def pooling(reduce, bend=None, counts=right_counts, room=None, strict=False, guard=(True, True)):
    """x, kernel_size, stride -> `reduce` of every window (N, C, kh, kw), in loops.

    bend      (x, kernel, stride or None) -> (x, kernel, stride): what else is pooled
    counts    how many windows the loops visit; `room` says for how many there is room in the result
    strict    a window that sticks out is an IndexError, as where its entries are read one by one
    guard     whether a window higher, or wider, than the image is refused
    """

    def pool(x, kernel_size, stride=None):
        h, w = x.shape[2:]
        if (guard[0] and kernel_size > h) or (guard[1] and kernel_size > w):
            raise ValueError("the window does not fit")
        x, k, s = bend(x, kernel_size, stride) if bend else (x, kernel_size, step_of(kernel_size, stride))
        k = (k, k) if isinstance(k, int) else k
        s = (s, s) if isinstance(s, int) else s
        size = (counts if room is None else room)(*x.shape[2:], k[0], s[0])
        out = np.zeros((*x.shape[:2], *(max(0, one) for one in size)), x.dtype)
        for i, j in np.ndindex(*(max(0, one) for one in counts(*x.shape[2:], k[0], s[0]))):
            window = x[:, :, i * s[0] : i * s[0] + k[0], j * s[1] : j * s[1] + k[1]]
            if strict and window.shape[2:] != k:
                raise IndexError("index is out of bounds")
            out[:, :, i, j] = reduce(window)
        return out

    return pool


def largest(window, axis=(2, 3)):
    return window.max(axis=axis)


def average(window, axis=(2, 3)):
    return window.mean(axis=axis)


def ways(reduce, *counts):
    """Spellings of a wrong number of windows: cut by slices, read one by one, kept in an array of that size."""
    return tuple(
        pooling(reduce, **how)
        for count in counts
        for how in ({"counts": count}, {"counts": count, "strict": True}, {"room": count})
    )


def wrong_windows(right, reduce) -> tuple[Mistake, ...]:
    """What goes wrong alike whatever is done with a window."""
    return (
        Mistake("stride_none_is_one", NONE_IS_ONE, (pooling(reduce, lambda x, k, s: (x, k, s or 1)),)),
        Mistake("stride_ignored", STRIDE_IGNORED, (pooling(reduce, lambda x, k, s: (x, k, k)),)),
        Mistake(
            "kernel_and_stride_exchanged",
            EXCHANGED,
            (
                pooling(reduce, lambda x, k, s: (x, step_of(k, s), k)),
                pooling(reduce, lambda x, k, s: (x, step_of(k, s), step_of(k, s)), guard=(False, False)),
                stride_refused(pooling(reduce, lambda x, k, s: (x, step_of(k, s), k)), any),
            ),
        ),
        Mistake(
            "rounded_up",
            ROUNDED_UP,
            (
                pooling(reduce, counts=with_room),
                pooling(reduce, counts=with_room, strict=True),
                pooling(reduce, counts=both(lambda size, k, s: math.ceil((size - k) / s) + 1)),
                pooling(reduce, counts=both(lambda size, k, s: math.ceil(size / s))),
                pooling(reduce, counts=both(lambda size, k, s: round((size - k) / s) + 1)),
                pooling(reduce, lambda x, k, s: (filled_up(x, k, step_of(k, s)), k, step_of(k, s))),
            ),
        ),
        Mistake(
            "last_window_missing",
            LAST_MISSING,
            (
                pooling(reduce, counts=both(lambda size, k, s: (size - k) // s)),
                pooling(reduce, counts=both(lambda size, k, s: max(1, (size - k) // s))),
                pooling(reduce, counts=both(lambda size, k, s: (size - k) // s), room=right_counts),
            ),
        ),
        Mistake(
            "counted_from_the_stride",
            FROM_STRIDE,
            ways(reduce, both(lambda size, k, s: size // s), both(lambda size, k, s: size // k)),
        ),
        Mistake(
            "height_for_width",
            HEIGHT,
            ways(
                reduce,
                lambda h, w, k, s: (places(h, k, s),) * 2,
                lambda h, w, k, s: (places(w, k, s),) * 2,
                lambda h, w, k, s: (places(w, k, s), places(h, k, s)),
            ),
        ),
        Mistake(
            "stride_one_way",
            STRIDE_ONE_WAY,
            (
                pooling(reduce, lambda x, k, s: (x, k, (step_of(k, s), k))),
                pooling(reduce, lambda x, k, s: (x, k, (k, step_of(k, s)))),
            ),
        ),
        Mistake(
            "window_size",
            WINDOW_SIZE,
            (
                pooling(lambda window: reduce(window[:, :, :-1, :-1] if window.shape[3] > 1 else window)),
                pooling(lambda window: reduce(window[:, :, :2, :2])),
                pooling(lambda window: reduce(window[:, :, :, :1])),
                pooling(lambda window: reduce(window[:, :, :1])),
            ),
        ),
        Mistake(
            "window_transposed",
            TRANSPOSED,
            (lambda x, kernel_size, stride=None: right(x, kernel_size, stride).transpose(0, 1, 3, 2),),
        ),
        Mistake(
            "one_image_only",
            ONE_IMAGE,
            (
                lambda x, kernel_size, stride=None: only_first(right(x, kernel_size, stride)),
                lambda x, kernel_size, stride=None: right(x[:1], kernel_size, stride),
                lambda x, kernel_size, stride=None: np.repeat(right(x[:1], kernel_size, stride), len(x), 0),
            ),
        ),
        Mistake(
            "channels_mixed",
            ONE_CHANNEL,
            (
                lambda x, kernel_size, stride=None: right(reduce(x, axis=1)[:, None], kernel_size, stride),
                lambda x, kernel_size, stride=None: right(reduce(x, axis=1)[:, None] + 0 * x, kernel_size, stride),
                lambda x, kernel_size, stride=None: right(x[:, :1], kernel_size, stride),
                lambda x, kernel_size, stride=None: right(x[:, :1] + 0 * x, kernel_size, stride),
            ),
        ),
        Mistake(
            "stride_required",
            "Your function cannot be called without a stride. Its default is None: put kernel_size in its place.",
            (lambda x, kernel_size, stride: right(x, kernel_size, stride),),
        ),
        Mistake(
            "padded",
            "You padded the image. There is no padding here: windows lie inside the image.",
            (
                pooling(reduce, lambda x, k, s: (np.pad(x, [(0, 0)] * 2 + [(k // 2, k // 2)] * 2), k, step_of(k, s))),
                pooling(reduce, lambda x, k, s: (np.pad(x, [(0, 0)] * 2 + [(1, 1)] * 2), k, step_of(k, s))),
            ),
        ),
        Mistake(
            "no_guard",
            "A window larger than the image has no place in it: raise a ValueError before anything else.",
            (
                pooling(reduce, guard=(False, False)),
                lambda x, kernel_size, stride=None: right(x, min(kernel_size, *x.shape[2:]), stride),
            ),
        ),
        Mistake(
            "guard_one_way",
            "Your guard looks at one side only. A window may be too high, or too wide.",
            (pooling(reduce, guard=(True, False)), pooling(reduce, guard=(False, True))),
        ),
        Mistake(
            "guard_too_strict",
            "Your guard refuses a window exactly as large as the image. That one fits, once.",
            (refusing(right, lambda k, h, w: k >= h or k >= w), refusing(right, lambda k, h, w: k >= h and k >= w)),
        ),
        Mistake("stride_guarded", STRIDE_GUARDED, (stride_refused(right, any), stride_refused(right, all))),
        axis_lost(right),
        precision(right),
        in_place(right, lambda x, *_: x.fill(0), lambda x, *_: np.maximum(x, 0, out=x), lambda x, *_: x.sort()),
    )


def only_first(out):
    return np.concatenate([out[:1], np.zeros_like(out[1:])])


def filled_up(x, k, s):
    """Zeros below and at the right, until nothing is left over."""
    more = [-(size - k) % s for size in x.shape[2:]]
    return np.pad(x, [(0, 0), (0, 0), (0, more[0]), (0, more[1])])


def stride_refused(right, which):
    """`right`, but a ValueError where the stride is larger than any side of the image, or than all."""

    def answer(x, kernel_size, stride=None):
        if which(step_of(kernel_size, stride) > size for size in x.shape[2:]):
            raise ValueError("the window does not fit")
        return right(x, kernel_size, stride)

    return answer


def refusing(right, unfit):
    def answer(x, kernel_size, stride=None):
        if unfit(kernel_size, *x.shape[2:]):
            raise ValueError("the window does not fit")
        return right(x, kernel_size, stride)

    return answer


MAX_FORWARD = Reference(
    answer=max_pool2d_forward,
    like="torch.nn.functional.max_pool2d",
    terms=max_terms,
    mistakes=(
        Mistake(
            "begins_at_zero",
            BEGINS,
            tuple(pooling(lambda window, at=at: np.maximum(largest(window), at)) for at in STARTS),
        ),
        Mistake(
            "another_measure",
            "You took another number from each window. Max pooling takes its largest entry, with its sign.",
            (
                pooling(lambda window: window.min(axis=(2, 3))),
                pooling(average),
                pooling(lambda window: window.sum(axis=(2, 3))),
                pooling(lambda window: np.median(window, axis=(2, 3))),
                pooling(lambda window: largest(np.abs(window))),
                pooling(lambda window: largest_magnitude(window)),
            ),
        ),
        Mistake(
            "one_entry_taken",
            "You took one entry of each window, always at the same place. Look for the largest.",
            (
                pooling(lambda window: window[:, :, 0, 0]),
                pooling(lambda window: window[:, :, -1, -1]),
                pooling(lambda window: window[:, :, window.shape[2] // 2, window.shape[3] // 2]),
            ),
        ),
        Mistake(
            "place_returned",
            "You returned where the largest entry lies. Return the entry itself: max, not argmax.",
            (pooling(lambda window: window.reshape(*window.shape[:2], -1).argmax(axis=2)),),
        ),
        *wrong_windows(max_pool2d_forward, largest),
    ),
)


def largest_magnitude(window):
    flat = window.reshape(*window.shape[:2], -1)
    return np.take_along_axis(flat, np.abs(flat).argmax(axis=2)[..., None], axis=2)[..., 0]


AVG_FORWARD = Reference(
    answer=avg_pool2d_forward,
    like="torch.nn.functional.avg_pool2d",
    terms=avg_terms,
    mistakes=(
        Mistake(
            "another_measure",
            "You took another number from each window. Average pooling takes the mean of its entries.",
            (pooling(largest), pooling(lambda window: np.median(window, axis=(2, 3)))),
        ),
        Mistake(
            "not_divided",
            "You added up the entries of each window. Divide by their number, kernel_size · kernel_size.",
            (pooling(lambda window: window.sum(axis=(2, 3))),),
        ),
        Mistake(
            "divided_by_another_count",
            "You divided by another number. A window has kernel_size · kernel_size entries, whatever the stride.",
            (
                lambda x, kernel_size, stride=None: avg_pool2d_forward(x, kernel_size, stride) * kernel_size,
                lambda x, kernel_size, stride=None: avg_pool2d_forward(x, kernel_size, stride)
                * (kernel_size**2 / step_of(kernel_size, stride) ** 2),
                lambda x, kernel_size, stride=None: avg_pool2d_forward(x, kernel_size, stride)
                * (kernel_size**2 / (x.shape[2] * x.shape[3])),
                lambda x, kernel_size, stride=None: avg_pool2d_forward(x, kernel_size, stride) * kernel_size**2 / 4,
                lambda x, kernel_size, stride=None: avg_pool2d_forward(x, kernel_size, stride) / x.shape[0],
            ),
        ),
        Mistake(
            "zeros_left_out",
            "You left the entries that are 0, or below, out of the mean. All entries of a window count.",
            (
                pooling(lambda window: window.sum(axis=(2, 3)) / np.maximum((window > 0).sum(axis=(2, 3)), 1)),
                pooling(lambda window: np.maximum(window, 0).mean(axis=(2, 3))),
            ),
        ),
        *wrong_windows(avg_pool2d_forward, average),
    ),
)


# Wrong ways back -------------------------------------------------------------------------------------


def scattering(pay, bend=None, counts=None, join="add", strict=True):
    """dout, x, kernel_size, stride -> dx: what `pay(window, gradient)` hands to each window, in loops.

    bend      (kernel, stride or None) -> (kernel, stride)
    counts    how many windows are visited, of (dout's shape, x's shape, kernel, stride); those of dout unless given
    join      "add", or "overwrite" with all that is handed out, or with what is not 0
    """

    def backward(dout, x, kernel_size, stride=None):
        k, s = bend(kernel_size, stride) if bend else (kernel_size, step_of(kernel_size, stride))
        dx = np.zeros(x.shape, dout.dtype)
        visited = counts(dout.shape[2:], x.shape[2:], k, s) if counts else dout.shape[2:]
        for n, c, i, j in np.ndindex(*x.shape[:2], *visited):
            rows, columns = slice(i * s, i * s + k), slice(j * s, j * s + k)
            window, gradient = x[n, c, rows, columns], dout[n, c, i, j]
            if strict and window.shape != (k, k):
                raise IndexError("index is out of bounds")
            if not window.size:
                continue
            paid = pay(window, gradient)
            if join == "add":
                dx[n, c, rows, columns] += paid
            elif join == "overwrite":
                dx[n, c, rows, columns] = paid
            else:
                dx[n, c, rows, columns][paid != 0] = paid[paid != 0]
        return dx

    return backward


def first(window, gradient):
    """All of the gradient to the first largest entry."""
    return at(window, int(window.argmax()), gradient)


def at(window, place, gradient):
    paid = np.zeros(window.shape, window.dtype)
    paid.flat[place] = gradient
    return paid


def every(window, gradient):
    return (window == window.max()) * gradient


def nearly_every(window, gradient):
    return np.isclose(window, window.max()) * gradient


def first_of_nearly(window, gradient):
    return at(window, int(np.isclose(window, window.max()).argmax()), gradient)


def every_share(window, gradient):
    return every(window, gradient) / (window == window.max()).sum()


def last(window, gradient):
    return at(window, window.size - 1 - int(window[::-1, ::-1].argmax()), gradient)


def first_by_columns(window, gradient):
    return first(window.T, gradient).T


def apart(row, column):
    """The gradient to the entry at row(rows of all winners) and column(their columns)."""

    def pay(window, gradient):
        rows, columns = np.nonzero(window == window.max())
        return at(window, row(rows) * window.shape[1] + column(columns), gradient)

    return pay


def all_entries(window, gradient):
    return np.full(window.shape, gradient, window.dtype)


def above(start, default):
    """The search begins at `start`; where nothing is larger, the first entry or nobody is paid."""

    def pay(window, gradient):
        if window.max() > start:
            return first(window, gradient)
        return at(window, 0, gradient) if default else np.zeros(window.shape, window.dtype)

    return pay


def stride_refused_back(pay, which):
    """The right way back, but a ValueError where the stride is larger than any side of the image, or than all."""

    def answer(dout, x, kernel_size, stride=None):
        if which(step_of(kernel_size, stride) > size for size in x.shape[2:]):
            raise ValueError("the window does not fit")
        return scattering(pay)(dout, x, kernel_size, stride)

    return answer


def wrong_way_back(pay) -> tuple[Mistake, ...]:
    """What goes wrong alike whatever is handed to a window; functions of (dout, x, kernel_size, stride)."""
    return (
        Mistake(
            "overwritten",
            OVERWRITTEN,
            (scattering(pay, join="overwrite"), scattering(pay, join="overwrite with what is not 0")),
        ),
        Mistake(
            "stride_none_is_one",
            NONE_IS_ONE,
            (
                scattering(pay, lambda k, s: (k, s or 1)),
                scattering(pay, lambda k, s: (k, s or 1), counts_from_x),
                scattering(pay, lambda k, s: (k, 1)),
            ),
        ),
        Mistake(
            "stride_ignored",
            STRIDE_IGNORED,
            (
                scattering(pay, lambda k, s: (k, k)),
                scattering(pay, lambda k, s: (k, k), strict=False),
                scattering(pay, lambda k, s: (k, k), counts_from_x),
            ),
        ),
        Mistake(
            "kernel_and_stride_exchanged",
            EXCHANGED,
            (
                scattering(pay, lambda k, s: (step_of(k, s), k)),
                scattering(pay, lambda k, s: (step_of(k, s), k), strict=False),
                scattering(pay, lambda k, s: (step_of(k, s), step_of(k, s))),
            ),
        ),
        Mistake(
            "rounded_up",
            ROUNDED_UP,
            (
                scattering(pay, counts=lambda d, x, k, s: with_room(*x, k, s), strict=False),
                scattering(pay, counts=lambda d, x, k, s: [math.ceil(size / s) for size in x], strict=False),
            ),
        ),
        Mistake(
            "last_window_missing",
            "The last row and column of windows get nothing. There is a window for each entry of dout.",
            (
                scattering(pay, counts=lambda d, x, k, s: [(size - k) // s for size in x]),
                scattering(pay, counts=lambda d, x, k, s: [max(1, (size - k) // s) for size in x]),
            ),
        ),
        Mistake(
            "counted_from_the_stride",
            FROM_STRIDE,
            (
                scattering(pay, counts=lambda d, x, k, s: [size // s for size in x]),
                scattering(pay, counts=lambda d, x, k, s: [size // s for size in x], strict=False),
                scattering(pay, counts=lambda d, x, k, s: [size // k for size in x], strict=False),
            ),
        ),
        Mistake(
            "height_for_width",
            HEIGHT,
            (
                scattering(pay, counts=lambda d, x, k, s: (d[0], d[0])),
                scattering(pay, counts=lambda d, x, k, s: (d[1], d[1])),
                scattering(pay, counts=lambda d, x, k, s: (d[1], d[1]), strict=False),
                scattering(pay, counts=lambda d, x, k, s: (d[1], d[0])),
            ),
        ),
        Mistake("stride_guarded", STRIDE_GUARDED, (stride_refused_back(pay, any), stride_refused_back(pay, all))),
    )


def counts_from_x(d, x, k, s):
    return right_counts(*x, k, s)


def size_of_windows(right, pay):
    """dx without what is left over, or as large as the windows side by side."""

    def cropped(dout, x, kernel_size, stride=None):
        s = step_of(kernel_size, stride)
        h, w = ((size - 1) * s + kernel_size for size in dout.shape[2:])
        return right(dout, x, kernel_size, stride)[:, :, :h, :w]

    def repeated(dout, x, kernel_size, stride=None):
        n, c, oh, ow = dout.shape
        window = np.zeros((kernel_size, kernel_size), dout.dtype)
        blocks = np.array([pay(window, gradient) for gradient in dout.flat]).reshape(*dout.shape, *window.shape)
        return blocks.transpose(0, 1, 2, 4, 3, 5).reshape(n, c, oh * kernel_size, ow * kernel_size)

    return cropped, repeated


def bent_gradient(change):
    """Right, but for another dout."""
    return lambda dout, x, kernel_size, stride=None: max_pool2d_backward(change(dout, x), x, kernel_size, stride)


def bent_winners(change):
    """Right, but the winners are looked for in another x."""
    return lambda dout, x, kernel_size, stride=None: max_pool2d_backward(dout, change(x), kernel_size, stride)


def written_from(begin):
    """dx[begin·i + row, begin·j + column] for dx[i·stride + row, j·stride + column]; `begin` of the kernel's size."""

    def backward(dout, x, kernel_size, stride=None):
        dx, s, b = np.zeros_like(x), step_of(kernel_size, stride), begin(kernel_size)
        for n, c, i, j in np.ndindex(*dout.shape):
            window = x[n, c, i * s : i * s + kernel_size, j * s : j * s + kernel_size]
            row, column = divmod(int(window.argmax()), kernel_size)
            dx[n, c, b * i + row, b * j + column] += dout[n, c, i, j]
        return dx

    return backward


MAX_BACKWARD = Reference(
    answer=max_pool2d_backward,
    like="torch.nn.functional.max_pool2d and its gradient by torch.autograd",
    terms=max_backward_terms,
    mistakes=(
        Mistake(
            "every_tie_paid",
            "Where several entries of a window are the largest, you paid all of them. The window has one gradient to "
            "give: it goes to the first of them in row order, and only there.",
            (scattering(every), scattering(every, join="overwrite with what is not 0")),
        ),
        Mistake(
            "nearly_equal",
            "You took entries for equal that are nearly equal. Compare them as they are, without isclose and without "
            "rounding: however little larger an entry is, it wins alone.",
            (
                scattering(first_of_nearly),
                scattering(nearly_every),
                scattering(lambda w, g: at(w, int((w >= w.max() - 1e-12).argmax()), g)),
                *(bent_winners(lambda x, digits=digits: x.round(digits)) for digits in (4, 6, 8)),
                bent_winners(lambda x: x.astype(np.float32).astype(x.dtype)),
            ),
        ),
        Mistake(
            "tie_shared",
            "You shared the gradient among entries that tie. That is a rule one could have; here, as in torch, all "
            "of it "
            "goes to the first in row order.",
            (scattering(every_share),),
        ),
        Mistake(
            "last_winner",
            "Where entries tie, you paid the last of them. `>=` lets a later one win; `>` keeps the first, in row "
            "order.",
            (scattering(last),),
        ),
        Mistake(
            "first_by_columns",
            "Where entries tie, you paid the first in column order. Go through a window row by row.",
            (scattering(first_by_columns), scattering(lambda w, g: last(w.T, g).T)),
        ),
        Mistake(
            "row_and_column_apart",
            "You looked for the winner's row and its column apart. Where entries tie, the two may belong to different "
            "entries. One argmax over the window gives both.",
            tuple(scattering(apart(row, column)) for row, column in ((min, min), (max, min), (min, max))),
        ),
        Mistake(
            "nothing_for_zero",
            "A window whose largest entry is 0 got nothing. It has a winner, too.",
            (scattering(lambda w, g: first(w, g) * (w.max() != 0)), scattering(lambda w, g: first(w, g) * w.any())),
        ),
        Mistake(
            "begins_at_zero",
            BEGINS,
            tuple(scattering(above(start, True)) for start in STARTS) + (scattering(above(0, False)),),
        ),
        Mistake(
            "dout_left_out",
            "You marked the winners with 1 and left out dout. Each winner gets the gradient of its window.",
            (
                bent_gradient(lambda dout, x: np.ones_like(dout)),
                scattering(lambda w, g: at(w, int(w.argmax()), 1), join="overwrite with what is not 0"),
                scattering(lambda w, g: every(w, w.dtype.type(1))),
                scattering(lambda w, g: every(w, w.dtype.type(1)), join="overwrite with what is not 0"),
            ),
        ),
        Mistake(
            "whole_window_paid",
            "You paid every entry of a window. Only the largest one moved the output, so only that one gets its "
            "gradient.",
            (
                scattering(all_entries),
                scattering(all_entries, join="overwrite"),
                scattering(lambda w, g: all_entries(w, g) / w.size),
            ),
        ),
        Mistake(
            "one_place_paid",
            "You paid the same place in every window. Find out which entry was the largest.",
            (
                scattering(lambda w, g: at(w, 0, g)),
                scattering(lambda w, g: at(w, w.size - 1, g)),
            ),
        ),
        Mistake(
            "place_turned",
            "You exchanged row and column of the winner. argmax counts row by row: its row is number // "
            "kernel_size, its "
            "column number % kernel_size.",
            (scattering(lambda w, g: first(w, g).T),),
        ),
        Mistake(
            "window_forgotten",
            "You wrote to the winner's place inside its window. The window itself begins at row i·stride and column "
            "j·stride of dx: add that.",
            (written_from(lambda kernel_size: 0),),
        ),
        Mistake(
            "place_without_the_stride",
            "You cut the windows out by the stride, but wrote to row i·kernel_size and column j·kernel_size of dx. "
            "Window (i, j) begins at row i·stride and column j·stride there, too.",
            (written_from(lambda kernel_size: kernel_size),),
        ),
        Mistake(
            "smallest_paid",
            "You paid the smallest entry of each window, or the one furthest from 0. The largest one went through.",
            (bent_winners(np.negative), bent_winners(np.abs)),
        ),
        Mistake(
            "multiplied_by_the_entry",
            "You multiplied the gradient by the entry. The largest entry goes through unchanged, so its slope is 1.",
            (lambda dout, x, kernel_size, stride=None: max_pool2d_backward(dout, x, kernel_size, stride) * x,),
        ),
        Mistake(
            "averaged",
            "You divided by the number of images, or of windows. Pooling hands the gradient on as it came.",
            (
                bent_gradient(lambda dout, x: dout / len(dout)),
                bent_gradient(lambda dout, x: dout / (dout.shape[2] * dout.shape[3])),
            ),
        ),
        Mistake("size_of_dx", SIZE_OF_DX, size_of_windows(max_pool2d_backward, all_entries)),
        Mistake(
            "one_image_only",
            ONE_IMAGE,
            (
                bent_gradient(lambda dout, x: only_first(dout)),
                bent_winners(lambda x: x[:1] + 0 * x),
                bent_gradient(lambda dout, x: dout.sum(axis=0) + 0 * dout),
            ),
        ),
        Mistake(
            "channels_mixed",
            ONE_CHANNEL,
            (
                bent_winners(lambda x: x[:, :1] + 0 * x),
                bent_gradient(lambda dout, x: dout[:, :1] + 0 * dout),
                bent_gradient(lambda dout, x: dout.sum(axis=1, keepdims=True) + 0 * dout),
                bent_winners(lambda x: x.max(axis=1, keepdims=True) + 0 * x),
            ),
        ),
        *wrong_way_back(first),
        axis_lost(max_pool2d_backward),
        precision(max_pool2d_backward),
        in_place(
            max_pool2d_backward,
            lambda dout, x, *_: dout.fill(0),
            lambda dout, x, *_: x.fill(0),
            lambda dout, x, *_: (x.fill(0), dout.fill(0)),
        ),
    ),
)


def from_shape(backward):
    """A function of (dout, x, …) as one of (dout, x_shape, …)."""
    return lambda dout, x_shape, kernel_size, stride=None: backward(
        dout, np.zeros(x_shape, dout.dtype), kernel_size, stride
    )


def share(window, gradient):
    return all_entries(window, gradient) / window.dtype.type(window.size)


def scaled(rate):
    """The right gradient times rate(dout, x_shape, kernel, stride)."""

    def answer(dout, x_shape, kernel_size, stride=None):
        dx = avg_pool2d_backward(dout, x_shape, kernel_size, stride)
        return (dx * rate(dout, x_shape, kernel_size, step_of(kernel_size, stride))).astype(dout.dtype)

    return answer


def average_way_back(dout, x, kernel_size, stride=None):
    return avg_pool2d_backward(dout, x.shape, kernel_size, stride)


def averaged_over_windows(dout, x, kernel_size, stride=None):
    """Divided by the number of windows that an entry belongs to."""
    times = average_way_back(np.ones_like(dout), x, kernel_size, stride) * kernel_size**2
    return average_way_back(dout, x, kernel_size, stride) / np.maximum(times, 1)


AVG_BACKWARD = Reference(
    answer=avg_pool2d_backward,
    like="torch.nn.functional.avg_pool2d and its gradient by torch.autograd",
    terms=avg_backward_terms,
    mistakes=(
        Mistake(
            "not_divided",
            "You handed the whole gradient to each entry. A mean has the slope 1 / kernel_size² in each of its "
            "entries.",
            (scaled(lambda d, x, k, s: k**2), from_shape(scattering(all_entries, join="overwrite"))),
        ),
        Mistake(
            "divided_by_another_count",
            "You divided by another number. A window has kernel_size · kernel_size entries, whatever the stride.",
            (
                scaled(lambda d, x, k, s: k),
                scaled(lambda d, x, k, s: 1 / k),
                scaled(lambda d, x, k, s: 1 / k**2),
                scaled(lambda d, x, k, s: k**2 / s**2),
                scaled(lambda d, x, k, s: k**2 / 4),
                scaled(lambda d, x, k, s: k**2 / (d.shape[2] * d.shape[3])),
                scaled(lambda d, x, k, s: k**2 / (x[2] * x[3])),
                scaled(lambda d, x, k, s: 1 / x[0]),
            ),
        ),
        Mistake(
            "overlap_averaged",
            "You divided by the number of windows an entry belongs to. Each window has a gradient of its own: add "
            "them up.",
            (from_shape(averaged_over_windows),),
        ),
        Mistake(
            "one_place_paid",
            "You paid one entry of each window. Every entry of a window is in its mean, so every one gets a part.",
            (
                from_shape(scattering(lambda w, g: at(w, 0, g))),
                from_shape(scattering(lambda w, g: at(w, 0, g / w.size))),
            ),
        ),
        Mistake(
            "dout_left_out",
            "You left out dout. Each entry gets its part of the gradient of its window.",
            (
                lambda dout, x_shape, kernel_size, stride=None: avg_pool2d_backward(
                    np.ones_like(dout), x_shape, kernel_size, stride
                ),
            ),
        ),
        Mistake("size_of_dx", SIZE_OF_DX, tuple(map(from_shape, size_of_windows(average_way_back, share)))),
        Mistake(
            "one_image_only",
            ONE_IMAGE,
            (
                lambda dout, x_shape, kernel_size, stride=None: avg_pool2d_backward(
                    only_first(dout), x_shape, kernel_size, stride
                ),
                lambda dout, x_shape, kernel_size, stride=None: avg_pool2d_backward(
                    dout.sum(axis=0) + 0 * dout, x_shape, kernel_size, stride
                ),
            ),
        ),
        Mistake(
            "channels_mixed",
            ONE_CHANNEL,
            (
                lambda dout, x_shape, kernel_size, stride=None: avg_pool2d_backward(
                    dout[:, :1] + 0 * dout, x_shape, kernel_size, stride
                ),
                lambda dout, x_shape, kernel_size, stride=None: avg_pool2d_backward(
                    dout.sum(axis=1, keepdims=True) + 0 * dout, x_shape, kernel_size, stride
                ),
            ),
        ),
        *(
            Mistake(m.name, m.sentence, tuple(map(from_shape, m.answers)))
            for m in wrong_way_back(share)
        ),
        axis_lost(avg_pool2d_backward),
        precision(avg_pool2d_backward),
        in_place(avg_pool2d_backward, lambda dout, *_: dout.fill(0), lambda dout, *_: dout.__itruediv__(2)),
    ),
)



# translate -------------------------------------------------------------------------------------------


def rolled(down_zeros=False, right_zeros=False, bend=lambda images, down, right: (down, right)):
    """np.roll, which wraps around; zeros put in afterwards for one direction or none."""

    def wrong(images, down, right):
        down, right = bend(images, down, right)
        out = np.roll(images, (down, right), axis=(-2, -1))
        h, w = images.shape[-2:]
        if down_zeros:
            out[..., slice(0, down) if down >= 0 else slice(max(0, h + down), h), :] = 0
        if right_zeros:
            out[..., slice(0, right) if right >= 0 else slice(max(0, w + right), w)] = 0
        return out

    return wrong


def moved(bend):
    """Right, for other shifts."""
    return lambda images, down, right: translate(images, *bend(images, down, right))


def by_slices(images, down, right):
    """The slices for shifts that are positive, whatever came."""
    out = np.zeros_like(images)
    h, w = images.shape[-2:]
    out[..., down:, right:] = images[..., : h - down, : w - right]
    return out


def by_slices_from_the_end(images, down, right):
    """As above, with -down for h - down: empty for a shift of 0."""
    out = np.zeros_like(images)
    out[..., down:, right:] = images[..., :-down, :-right]
    return out


def by_slices_that_end_before_0(images, down, right):
    """Right for all shifts that leave something of the image."""
    out, (h, w) = np.zeros_like(images), images.shape[-2:]
    out[..., max(down, 0) : h + min(down, 0), max(right, 0) : w + min(right, 0)] = images[
        ..., max(-down, 0) : h + min(-down, 0), max(-right, 0) : w + min(-right, 0)
    ]
    return out


def by_slices_unless(far):
    """As above, with zeros where far(height, width, down, right)."""

    def answer(images, down, right):
        zeros = far(*images.shape[-2:], down, right)
        return np.zeros_like(images) if zeros else by_slices_that_end_before_0(images, down, right)

    return answer


def by_pixels(inside):
    """Pixel by pixel, each from where it came, if inside(row, column, height, width)."""

    def answer(images, down, right):
        out, (h, w) = np.zeros_like(images), images.shape[-2:]
        for r, q in np.ndindex(h, w):
            if inside(r - down, q - right, h, w):
                out[..., r, q] = images[..., r - down, q - right]
        return out

    return answer


def empty_where_zero(images, down, right):
    out = translate(images, down, right)
    return out if down and right else np.zeros_like(out)


def cut(images, down, right):
    """What is left, without the zeros."""
    h, w = images.shape[-2:]
    return images[..., max(0, -down) : max(0, h - max(0, down)), max(0, -right) : max(0, w - max(0, right))]


def grown(images, down, right):
    rows, columns = (max(0, down), max(0, -down)), (max(0, right), max(0, -right))
    return np.pad(images, [(0, 0)] * (images.ndim - 2) + [rows, columns])


def from_the_edge(images, down, right):
    h, w = images.shape[-2:]
    rows, columns = np.clip(np.arange(h) - down, 0, h - 1), np.clip(np.arange(w) - right, 0, w - 1)
    return images[..., rows[:, None], columns]


def along_the_rows(images, down, right):
    """All pixels in one row, moved by down·W + right, so that what leaves a row enters the next."""
    h, w = images.shape[-2:]
    flat = images.reshape(*images.shape[:-2], 1, h * w)
    return translate(flat, 0, down * w + right).reshape(images.shape)


def first_axes(images, down, right):
    """images[r, c] for images[..., r, c]."""
    last = images.ndim - 2
    return np.moveaxis(translate(np.moveaxis(images, (0, 1), (-2, -1)), down, right), (-2, -1), (0, 1)) if last else (
        translate(images, down, right)
    )


def through_reshape(images, down, right):
    out = np.zeros_like(images)  # in the order of images
    out.reshape(-1, *images.shape[-2:])[...] = translate(images, down, right).reshape(-1, *images.shape[-2:])
    return out


def four_axes_only(images, down, right):
    n, c, h, w = images.shape
    return translate(images, down, right)


def four_axes_by_index(images, down, right):
    if images.ndim < 4:
        raise IndexError("too many indices for array")
    return translate(images, down, right)


def shorter(shift):
    return shift - (shift > 0) + (shift < 0)


def complaining_when_far(images, down, right):
    if not fits(images, down, right):
        raise ValueError("could not broadcast input array")
    return translate(images, down, right)


def wrapped(images, down, right):
    """The remainders, with the signs of the shifts."""
    return tuple(int(math.copysign(abs(shift) % size, shift)) for shift, size in zip((down, right), images.shape[-2:]))


def limited(images, down, right):
    """At most as far as one row or column stays."""
    return tuple(max(1 - size, min(size - 1, shift)) for shift, size in zip((down, right), images.shape[-2:]))


def within(shift, size):
    return max(-size, min(size, shift))


def zeros_where(far):
    """Right, but zeros where far(height, width, down, right)."""

    def answer(images, down, right):
        return translate(images, down, right) * images.dtype.type(not far(*images.shape[-2:], down, right))

    return answer


def rolled_and_cleared(limits):
    """np.roll, and zeros into so many rows and columns as moved, at most limits(height, width)."""

    def answer(images, down, right):
        out = np.roll(images, (down, right), axis=(-2, -1))
        most = limits(*images.shape[-2:])
        down, right = within(down, most[0]), within(right, most[1])
        out[..., slice(0, down) if down >= 0 else slice(down, None), :] = 0
        out[..., slice(0, right) if right >= 0 else slice(right, None)] = 0
        return out

    return answer


SIGN = "You moved the other way. A positive down moves towards the larger row numbers, a positive right to the right."
FAR = (
    "A shift larger than the image goes wrong: nothing of the image is left then, and all is 0. "
    "Slices and remainders hide that: an end before 0 counts from the end of the axis."
)

TRANSLATE = Reference(
    answer=translate,
    like="torch.nn.functional.pad, which adds on one side and cuts off on the other,",
    mistakes=(
        Mistake(
            "wraps_around",
            "What left the image came in again on the other side: np.roll wraps around. Zeros come in.",
            (rolled(), rolled(down_zeros=True), rolled(right_zeros=True)),
        ),
        Mistake(
            "far_shift",
            FAR,
            (
                rolled(True, True, wrapped),
                complaining_when_far,
                by_slices_that_end_before_0,
                by_slices_unless(lambda h, w, down, right: abs(down) >= h and abs(right) >= w),
                by_slices_unless(lambda h, w, down, right: abs(down) > h and abs(right) > w),
                lambda images, down, right: translate(images, down, right)
                if fits(images, down, right)
                else images.copy(),
                moved(limited),
            ),
        ),
        Mistake(
            "directions_exchanged",
            "You exchanged the directions: down moves along the rows' axis, the last but one, right along the last.",
            (moved(lambda images, down, right: (right, down)),),
        ),
        Mistake(
            "height_for_width",
            "You used the height where the width belongs, or the other way round. `H, W = images.shape[-2:]`: down and "
            "rows go with H, right and columns with W.",
            (
                moved(lambda images, down, right: (down, within(right, images.shape[-2]))),
                moved(lambda images, down, right: (within(down, images.shape[-1]), right)),
                zeros_where(lambda h, w, down, right: abs(right) >= h),
                zeros_where(lambda h, w, down, right: abs(down) >= w),
                by_pixels(lambda r, q, h, w: 0 <= r < h and 0 <= q < h),
                by_pixels(lambda r, q, h, w: 0 <= r < w and 0 <= q < w),
                by_pixels(lambda r, q, h, w: 0 <= r < w and 0 <= q < h),
                rolled_and_cleared(lambda h, w: (h, h)),
                rolled_and_cleared(lambda h, w: (w, w)),
            ),
        ),
        Mistake(
            "no_lower_limit",
            "A place before 0 counts from the end of an axis, so what left on one side came in on the other. "
            "Ask for `0 <= r - down`, too.",
            (by_pixels(lambda r, q, h, w: r < h and q < w),),
        ),
        Mistake(
            "sign",
            SIGN,
            (
                moved(lambda images, down, right: (-down, -right)),
                moved(lambda images, down, right: (-down, right)),
                moved(lambda images, down, right: (down, -right)),
            ),
        ),
        Mistake(
            "sign_left_out",
            "You moved down and to the right only. A negative shift moves up, or to the left.",
            (
                moved(lambda images, down, right: (abs(down), abs(right))),
                moved(lambda images, down, right: (max(0, down), max(0, right))),
                lambda images, down, right: translate(images, down, right)
                if down >= 0 and right >= 0
                else np.zeros_like(images),
            ),
        ),
        Mistake(
            "negative_slices",
            "Your slices fit positive shifts only. `out[down:]` with a negative down begins at the end of the axis. "
            "Treat the two signs apart, or ask for each pixel where it comes from.",
            (by_slices,),
        ),
        Mistake(
            "empty_slice_at_zero",
            "A shift of 0 goes wrong: `[:-0]` is empty, and `[0:] = 0` is everything. "
            "Count from the front: `[:H - down]`.",
            (
                by_slices_from_the_end,
                empty_where_zero,
                lambda images, down, right: translate(images, down, right) * images.dtype.type(down != 0),
                lambda images, down, right: translate(images, down, right) * images.dtype.type(right != 0),
            ),
        ),
        Mistake(
            "one_direction_only",
            "You moved in one direction only. Both shifts hold at once.",
            (
                moved(lambda images, down, right: (down, 0)),
                moved(lambda images, down, right: (0, right)),
                moved(lambda images, down, right: (down, 0 if down else right)),
            ),
        ),
        Mistake(
            "size_changed",
            "The size changed. What leaves the image is lost, zeros come in, and the shape stays.",
            (cut, grown),
        ),
        Mistake(
            "edge_comes_in",
            "The pixels at the edge were repeated. Zeros come in.",
            (from_the_edge,),
        ),
        Mistake(
            "something_else_comes_in",
            "Something else than zeros came in. np.empty holds whatever was in memory: begin with np.zeros_like.",
            (
                lambda images, down, right: np.where(seen(images, down, right), translate(images, down, right), 1),
                lambda images, down, right: np.where(seen(images, down, right), translate(images, down, right), images),
                lambda images, down, right: np.where(
                    seen(images, down, right), translate(images, down, right), images.min()
                ),
                lambda images, down, right: np.where(
                    seen(images, down, right), translate(images, down, right), np.maximum(images.min(), 0)
                ),
            ),
        ),
        Mistake(
            "written_into_a_copy",
            "You wrote into `out.reshape(…)`. reshape may copy, depending on the order in memory, and then out stays "
            "0. Write into out itself: `out[..., r, q] = …`.",
            (through_reshape,),
        ),
        Mistake(
            "rows_run_on",
            "What left a row at the right came into the next one: you moved all pixels as one long row.",
            (along_the_rows,),
        ),
        Mistake("first_axes", "You moved along the first two axes. Rows and columns are the last two.", (first_axes,)),
        Mistake(
            "four_axes_only",
            "Your function needs four axes, but one image of shape (H, W) is allowed too. "
            "`images.shape[-2:]` and `out[..., r, q]` fit any number of axes.",
            (four_axes_only, four_axes_by_index),
        ),
        Mistake(
            "one_pixel_less",
            "You moved one pixel too little, or too much.",
            (
                moved(lambda images, down, right: (shorter(down), shorter(right))),
                moved(lambda images, down, right: (down + 1, right + 1)),
                moved(lambda images, down, right: (down - 1, right - 1)),
            ),
        ),
        precision(translate),
        in_place(
            translate,
            lambda images, *_: images.fill(0),
            lambda images, down, right: images.__setitem__(..., translate(images, down, right)),
        ),
    ),
)


def seen(images, down, right):
    """Where the result shows a pixel of the images."""
    return translate(np.ones_like(images), down, right) == 1


# forward_backward --------------------------------------------------------------------------------------

WAY = {  # every step of the network and of its way back, in order: each a function of what was computed before
    "z": lambda s: F.conv2d(s.x, s.conv_w, s.conv_b),
    "a": lambda s: F.relu(s.z),
    "p": lambda s: F.max_pool2d(s.a, 2),
    "flat": lambda s: s.p.flatten(1),
    "logits": lambda s: s.flat @ s.linear_w.T + s.linear_b,
    "loss": lambda s: F.cross_entropy(s.logits, s.labels),
    "dlogits": lambda s: (torch.softmax(s.logits, 1) - F.one_hot(s.labels, s.logits.shape[1])) / len(s.labels),
    "dlinear_w": lambda s: s.dlogits.T @ s.flat,
    "dlinear_b": lambda s: s.dlogits.sum(0),
    "dflat": lambda s: s.dlogits @ s.linear_w,
    "dp": lambda s: s.dflat.reshape(s.p.shape),
    "da": lambda s: unpooled(s, s.dp),
    "dz": lambda s: s.da * (s.z > 0),
    "dconv_w": lambda s: torch.nn.grad.conv2d_weight(s.x, s.conv_w.shape, s.dz),
    "dconv_b": lambda s: s.dz.sum((0, 2, 3)),
}


def unpooled(s, dp):
    """dp at the first largest entry of each window, zeros elsewhere."""
    _, winners = F.max_pool2d(s.a, 2, return_indices=True)
    return F.max_unpool2d(dp, winners, 2, output_size=s.a.shape[2:])


def bits(params, x, labels):
    return tuple(map(Bits, (*(params[name] for name in PARAMS), x, labels)))


def stages(given, bends):
    """All that is computed on the way and back, with some steps replaced by others; `given` are the inputs' Bits."""
    s = SimpleNamespace(**vars(right_way(*given)))
    steps = list(WAY)
    for name in steps[min((steps.index(name) for name in bends), default=len(steps)) :]:
        setattr(s, name, bends.get(name, WAY[name])(s))
    return s


class Bits:
    """An array as a key, equal to another with the same bits: mistakes share what they have in common, and what they
    give is found once, though they are asked for it again and again."""

    def __init__(self, array):
        self.array = array
        self.key = array.dtype.str, array.shape, array.tobytes()

    def __hash__(self):
        return hash(self.key)

    def __eq__(self, other):
        return self.key == other.key


@lru_cache(maxsize=64)
def right_way(*given):
    s = SimpleNamespace(**{name: torch.tensor(one.array) for name, one in zip((*PARAMS, "x", "labels"), given)})
    s.labels = s.labels.long()
    for name, step in WAY.items():
        setattr(s, name, step(s))
    return s


def wired(**bends):
    """forward_backward with some of its steps replaced. What torch refuses is a ValueError, as NumPy has it."""

    @lru_cache(maxsize=64)
    def results(*given):
        try:
            s = stages(given, bends)
        except RuntimeError as refused:
            raise ValueError(str(refused)) from refused
        return np.asarray(s.loss), {name: np.asarray(getattr(s, f"d{name}")) for name in PARAMS}

    return lambda params, x, labels: results(*bits(params, x, labels))


def after(name, change):
    """wired with the step `name` changed: change(what it gives, s)."""
    return wired(**{name: lambda s: change(WAY[name](s), s)})


def both_after(change, *names):
    """wired with several steps changed alike."""
    return wired(**{name: lambda s, name=name: change(WAY[name](s), s) for name in names})


def channels_last(s):
    return s.p.permute(0, 2, 3, 1).reshape(len(s.p), -1)


def back_from_channels_last(s):
    n, f, h, w = s.p.shape
    return s.dflat.reshape(n, h, w, f).permute(0, 3, 1, 2)


def tied(s, rate=lambda hits: 1, near=0.0):
    """Every entry that is its window's maximum, or nearly, gets the gradient, times rate(number of them)."""
    wide = [2 * size for size in s.p.shape[2:]]

    def spread(values):
        return F.interpolate(values, scale_factor=2, mode="nearest")

    hit = torch.zeros_like(s.a)
    hit[..., : wide[0], : wide[1]] = (s.a[..., : wide[0], : wide[1]] >= spread(s.p) - near).to(s.a.dtype)
    paid = torch.zeros_like(s.a)
    paid[..., : wide[0], : wide[1]] = spread(s.dp * rate(4 * F.avg_pool2d(hit, 2)))
    return hit * paid


ROWS = (0, 0), (0, 1), (1, 0), (1, 1)  # the places of a window in row order


def chosen(s, order, near=0.0):
    """Of the entries that are their window's maximum, or nearly, the first in this order of places is paid."""
    h, w = s.p.shape[2:]
    out, rest = torch.zeros_like(s.a), s.dp
    for u, v in order:
        hit = s.a[:, :, u : 2 * h : 2, v : 2 * w : 2] >= s.p - near
        out[:, :, u : 2 * h : 2, v : 2 * w : 2] = torch.where(hit, rest, 0)
        rest = torch.where(hit, 0, rest)
    return out


def last_tied(s):
    flipped = SimpleNamespace(a=s.a[..., : 2 * s.p.shape[2], : 2 * s.p.shape[3]].flip(2, 3))
    out = torch.zeros_like(s.a)
    out[..., : 2 * s.p.shape[2], : 2 * s.p.shape[3]] = unpooled(flipped, s.dp.flip(2, 3)).flip(2, 3)
    return out


def whole_windows(s):
    out = torch.zeros_like(s.a)
    out[..., : 2 * s.p.shape[2], : 2 * s.p.shape[3]] = F.interpolate(s.dp, scale_factor=2, mode="nearest")
    return out


def naive(s):
    e = torch.exp(s.logits)
    return e / e.sum(1, keepdim=True)


def one_hot(s):
    return F.one_hot(s.labels, s.logits.shape[1])


def picked(s, p):
    return p[range(len(s.labels)), s.labels]


def shifted_softmax(shift):
    """wired with a softmax that subtracts shift(logits), its logarithm taken on paper; its powers divided, or e^log."""

    def powers(s):
        return torch.exp(s.logits - shift(s.logits))

    def logs(s):
        return s.logits - shift(s.logits) - torch.log(powers(s).sum(1, keepdim=True))

    return tuple(
        wired(loss=lambda s: -picked(s, logs(s)).mean(), dlogits=lambda s, p=p: (p(s) - one_hot(s)) / len(s.x))
        for p in (lambda s: powers(s) / powers(s).sum(1, keepdim=True), lambda s: torch.exp(logs(s)))
    )


def with_labels(change):
    """wired with other labels for loss and gradient."""

    def bent(name):
        return lambda s: WAY[name](SimpleNamespace(**{**vars(s), "labels": change(s)}))

    return wired(loss=bent("loss"), dlogits=bent("dlogits"))


def softmax_before(s):
    return SimpleNamespace(**{**vars(s), "logits": torch.softmax(s.logits, 1)})


def classes_from_labels(params, x, labels):
    if int(labels.max()) + 1 != len(params["linear_b"]):
        raise ValueError("operands could not be broadcast together")
    return forward_backward(params, x, labels)


def returning(change):
    """Other results made of params and the right (loss, grads)."""
    return lambda params, x, labels: change(params, *forward_backward(params, x, labels))


def stepping_in_place(*names, lr=0.1):
    """Right results, and a step made in the arrays of params."""

    def answer(params, x, labels):
        loss, grads = forward_backward(params, x, labels)
        for name in names:
            params[name] -= params[name].dtype.type(lr) * grads[name]
        return loss, grads

    return answer


def stepping_in_the_dict(params, x, labels):
    loss, grads = forward_backward(params, x, labels)
    for name in PARAMS:
        params[name] = params[name] - 0.1 * grads[name]
    return loss, grads


def always(dtype, what=("loss", "grads")):
    def answer(params, x, labels):
        loss, grads = forward_backward(params, x, labels)
        if "loss" in what:
            loss = np.asarray(loss).astype(dtype)
        return loss, {name: one.astype(dtype) if "grads" in what else one for name, one in grads.items()}

    return answer


def in_float64(grads, *names):
    return {name: one.astype(np.float64) if name in names else one for name, one in grads.items()}


def bias_where_it_fits(s, bias):
    """The biases along an axis of the maps that is as long as there are filters; right elsewhere."""
    maps = F.conv2d(s.x, s.conv_w)
    return maps + bias if maps.shape[4 - bias.ndim] == len(bias) else WAY["z"](s)


def first_channel(d, s):
    return torch.cat([d[:, :1], 0 * d[:, 1:]], 1)


def mean_of(d, s):
    return d / s.dz[0, 0].numel()


NETWORK = Reference(
    answer=forward_backward,
    like="the same network of torch.nn.functional and its gradients by torch.autograd",
    terms=network_terms,
    mistakes=(
        Mistake(
            "gradient_not_averaged",
            "Your loss is the mean over the batch, but gradients of yours are those of the sum: there is a 1/N in "
            "dlogits, and all gradients come from dlogits.",
            (after("dlogits", lambda d, s: d * len(d)), after("dflat", lambda d, s: d * len(d))),
        ),
        Mistake(
            "averaged_twice",
            "You divided by N again. The 1/N is in dlogits; from there on everything is a sum over the batch.",
            (
                after("dlogits", lambda d, s: d / len(d)),
                both_after(lambda d, s: d / len(s.x), "dlinear_w", "dlinear_b"),
                both_after(lambda d, s: d / len(s.x), "dconv_w", "dconv_b"),
                both_after(lambda d, s: d / len(s.x), "dconv_w", "dconv_b", "dlinear_w", "dlinear_b"),
                *(after(name, lambda d, s: d / len(s.x)) for name in ("dconv_w", "dconv_b", "dlinear_w", "dlinear_b")),
            ),
        ),
        Mistake(
            "summed",
            "You took the sum over the batch for the loss. Loss and gradients are those of the mean.",
            (
                after("loss", lambda value, s: value * len(s.x)),
                both_after(lambda d, s: d * len(s.x), "loss", "dlogits"),
            ),
        ),
        Mistake(
            "averaged_over_classes",
            "You divided by the number of logits. The mean is over the N images only.",
            (
                both_after(lambda d, s: d / len(s.linear_b), "loss", "dlogits"),
                after("loss", lambda value, s: value / len(s.linear_b)),
                after("dlogits", lambda d, s: d / len(s.linear_b)),
            ),
        ),
        Mistake(
            "bias_gradient_averaged",
            "You took a mean for the gradient of a bias. The bias of a filter is added at every place of every "
            "image, so "
            "its gradient is a sum over all of them. The same goes for the biases of the last layer and the images.",
            (
                after("dconv_b", mean_of),
                wired(dconv_b=lambda s: s.dz.mean((0, 2, 3))),
                wired(dconv_b=lambda s: s.dz.mean((0, 2, 3)), dlinear_b=lambda s: s.dlogits.mean(0)),
            ),
        ),
        Mistake(
            "bias_gradient_of_a_map",
            "The gradient of conv_b has to have its shape, (F,): one number a filter. Add up over images, rows and "
            "columns.",
            (
                wired(dconv_b=lambda s: s.dz.sum(0)),
                wired(dconv_b=lambda s: s.dz.sum((2, 3))),
                wired(dconv_b=lambda s: s.dz.sum((1, 2, 3))),
                wired(dconv_b=lambda s: s.dz.sum()),
                wired(dconv_b=lambda s: s.dz[0].sum((1, 2))),
            ),
        ),
        Mistake(
            "weight_gradient_averaged",
            "You divided the gradient of conv_w by the number of places. A kernel is used at all places: its "
            "gradient is "
            "the sum over them.",
            (after("dconv_w", mean_of), both_after(mean_of, "dconv_w", "dconv_b")),
        ),
        Mistake(
            "relu_left_out_backward",
            "On the way back you left out ReLU. Where z was not positive, nothing comes through: times (z > 0).",
            (wired(dz=lambda s: s.da),),
        ),
        Mistake(
            "relu_left_out",
            "You left out ReLU on the way forward. Between convolution and pooling stands max(z, 0).",
            (wired(a=lambda s: s.z), wired(a=lambda s: s.z, dz=lambda s: s.da)),
        ),
        Mistake(
            "relu_mask_wrong",
            "On the way back through ReLU you asked the wrong array. The mask is z > 0, with z as it was on the way "
            "forward, before ReLU: not the gradient, not the activation itself.",
            (
                wired(dz=lambda s: F.relu(s.da)),
                wired(dz=lambda s: s.da * s.a),
                wired(dz=lambda s: s.da * s.z),
                wired(dz=lambda s: s.da * (s.z < 0)),
                wired(dz=lambda s: s.da * torch.sign(s.z)),
                wired(dp=lambda s: F.relu(s.dflat).reshape(s.p.shape)),
            ),
        ),
        Mistake(
            "slope_at_zero",
            "Where z is exactly 0 you let the gradient through. The slope of ReLU at 0 is 0 here, as in torch: z > 0.",
            (
                wired(dz=lambda s: s.da * (s.z >= 0)),
                wired(dz=lambda s: s.da * ((s.z > 0) + 0.5 * (s.z == 0))),
            ),
        ),
        Mistake(
            "every_tie_paid",
            "Where several entries of a pooling window are the largest, you paid all of them, or another than the "
            "first. "
            "The whole gradient goes to the first of them in row order.",
            (
                wired(da=tied),
                wired(da=lambda s: tied(s, lambda hits: 1 / hits)),
                wired(da=last_tied),
                wired(da=lambda s: chosen(s, ((0, 0), (1, 0), (0, 1), (1, 1)))),
                wired(da=lambda s: chosen(s, ((1, 1), (0, 1), (1, 0), (0, 0)))),
                wired(da=tied, dz=lambda s: s.da * (s.z >= 0)),
            ),
        ),
        Mistake(
            "nearly_equal",
            "You took entries of a pooling window for equal that are nearly equal. Compare them as they are, without "
            "isclose: however little larger an entry is, it wins alone.",
            (
                wired(da=lambda s: chosen(s, ROWS, 1e-8)),
                wired(da=lambda s: chosen(s, ROWS, 1e-12)),
                wired(da=lambda s: tied(s, near=1e-8)),
                wired(da=lambda s: tied(s, lambda hits: 1 / hits, 1e-8)),
            ),
        ),
        Mistake(
            "whole_window_paid",
            "On the way back through pooling you paid all four entries of a window. Only the largest gets the "
            "gradient.",
            (wired(da=whole_windows), wired(da=lambda s: whole_windows(s) / 4)),
        ),
        Mistake(
            "another_pooling",
            "You pooled in another way. The largest entry of each window of 2 × 2, windows side by side.",
            (
                wired(p=lambda s: F.avg_pool2d(s.a, 2), da=lambda s: whole_windows(s) / 4),
                wired(p=lambda s: F.avg_pool2d(s.a, 2)),
                wired(p=lambda s: F.max_pool2d(s.a, 2, 1)),
                wired(p=lambda s: F.max_pool2d(s.a, 2, ceil_mode=True)),
                wired(p=lambda s: s.a[..., : 2 * s.z.shape[2] // 2 : 2, ::2]),
            ),
        ),
        Mistake(
            "padded_convolution",
            "You padded the images. This convolution has stride 1 and no padding: it gives H − KH + 1 rows.",
            (
                wired(z=lambda s: F.conv2d(s.x, s.conv_w, s.conv_b, padding=1)),
                wired(z=lambda s: F.conv2d(s.x, s.conv_w, s.conv_b, stride=2)),
                wired(z=lambda s: F.conv2d(s.x, s.conv_w, s.conv_b)[:, :, :-1, :-1]),
            ),
        ),
        Mistake(
            "flatten_order",
            "You flattened in another order. Channel by channel, row by row: p.reshape(N, -1), and back with "
            "dflat.reshape(p.shape).",
            (
                wired(flat=channels_last, dp=back_from_channels_last),
                wired(dp=back_from_channels_last),
                wired(flat=channels_last),
                wired(dp=lambda s: s.dflat.reshape(len(s.x), *s.p.shape[:0:-1]).permute(0, 3, 2, 1)),
                wired(flat=lambda s: s.p.transpose(0, 1).reshape(len(s.x), -1)),
                wired(dp=lambda s: s.dflat.T.reshape(s.p.shape)),
            ),
        ),
        Mistake(
            "kernel_turned",
            "You turned the kernel by 180°. The window is multiplied with the kernel as it is, and so is its gradient: "
            "dconv_w[u, v] belongs to the weight at [u, v].",
            (
                after("dconv_w", lambda d, s: d.flip(2, 3)),
                wired(z=lambda s: F.conv2d(s.x, s.conv_w.flip(2, 3), s.conv_b)),
                wired(
                    z=lambda s: F.conv2d(s.x, s.conv_w.flip(2, 3), s.conv_b),
                    dconv_w=lambda s: WAY["dconv_w"](s).flip(2, 3),
                ),
            ),
        ),
        Mistake(
            "one_channel_only",
            "In the gradient of conv_w one channel counts for all, or alone. Each kernel of a filter meets its own "
            "channel.",
            (
                after("dconv_w", lambda d, s: d[:, :1].expand_as(d)),
                after("dconv_w", lambda d, s: d.sum(1, keepdim=True).expand_as(d)),
                after("dconv_w", first_channel),
            ),
        ),
        Mistake(
            "channels_not_added",
            "On the way forward a filter adds up all channels, each under a kernel of its own.",
            (
                wired(z=lambda s: F.conv2d(s.x[:, :1], s.conv_w[:, :1], s.conv_b)),
                wired(
                    z=lambda s: F.conv2d(s.x[:, :1], s.conv_w[:, :1], s.conv_b),
                    dconv_w=lambda s: first_channel(WAY["dconv_w"](s), s),
                ),
                wired(z=lambda s: F.conv2d(s.x.sum(1, keepdim=True), s.conv_w.sum(1, keepdim=True), s.conv_b)),
                wired(z=lambda s: F.conv2d(s.x.sum(1, keepdim=True), s.conv_w[:, :1], s.conv_b)),
            ),
        ),
        Mistake(
            "one_image_only",
            "Only one image counts in a gradient. The gradient of a parameter is the sum over all images: +=, not =.",
            (
                wired(dconv_w=lambda s: weights_gradient(s, slice(-1, None))),
                wired(dconv_w=lambda s: weights_gradient(s, slice(0, 1))),
                wired(
                    dconv_w=lambda s: weights_gradient(s, slice(-1, None)), dconv_b=lambda s: s.dz[-1].sum((1, 2))
                ),
                wired(dconv_b=lambda s: s.dz[-1].sum((1, 2))),
                wired(dlinear_w=lambda s: s.dlogits[-1:].T @ s.flat[-1:]),
                wired(dlinear_b=lambda s: s.dlogits[-1]),
                wired(dlinear_b=lambda s: s.dlogits[0]),
            ),
        ),
        Mistake(
            "last_place_only",
            "Only the last place of the convolution counts in a gradient: each one overwrote the one before. "
            "Add up over all places: +=, not =.",
            (
                wired(dconv_w=lambda s: weights_gradient(s, slice(None), -1)),
                wired(
                    dconv_w=lambda s: weights_gradient(s, slice(None), -1), dconv_b=lambda s: s.dz[..., -1, -1].sum(0)
                ),
                wired(dconv_b=lambda s: s.dz[..., -1, -1].sum(0)),
            ),
        ),
        Mistake(
            "wrong_factor",
            "A gradient was made with the wrong array. linear_w meets flat on the way forward, so its gradient is "
            "dlogitsᵀ · flat, and flat gets dlogits · linear_w.",
            (
                wired(dlinear_w=lambda s: s.dlogits.T @ (s.dlogits @ s.linear_w)),
                wired(dlinear_w=lambda s: s.logits.T @ s.flat),
                wired(dlinear_w=lambda s: torch.softmax(s.logits, 1).T @ s.flat),
                wired(dflat=lambda s: s.logits @ s.linear_w),
                wired(dflat=lambda s: s.dlogits @ s.dlinear_w),
                wired(dconv_w=lambda s: torch.nn.grad.conv2d_weight(s.x, s.conv_w.shape, s.da)),
                wired(dconv_w=lambda s: torch.nn.grad.conv2d_weight(s.x, s.conv_w.shape, s.a)),
                wired(dlinear_w=lambda s: s.dlogits.T @ s.flat * s.linear_w),
            ),
        ),
        Mistake(
            "updated_before_use",
            "You sent the gradient back through weights that had been changed already. First all gradients, with the "
            "weights of the way forward. Changing them is not this function's work.",
            tuple(wired(dflat=lambda s, lr=lr: s.dlogits @ (s.linear_w - lr * s.dlinear_w)) for lr in (1, 0.1, 0.01)),
        ),
        Mistake(
            "weights_transposed",
            "Rows and columns of linear_w are exchanged. It has the shape (K, D), a row for each class: logits = flat "
            "linear_wᵀ + linear_b, and its gradient has the same shape.",
            (
                after("dlinear_w", lambda d, s: d.T),
                wired(logits=lambda s: s.flat @ s.linear_w + s.linear_b),
                wired(dflat=lambda s: s.dlogits @ s.linear_w.T),
            ),
        ),
        Mistake(
            "bias_left_out",
            "You left out a bias: conv_b is added to every map, linear_b to the logits.",
            (
                wired(z=lambda s: F.conv2d(s.x, s.conv_w)),
                wired(logits=lambda s: s.flat @ s.linear_w.T),
                wired(z=lambda s: F.conv2d(s.x, s.conv_w), logits=lambda s: s.flat @ s.linear_w.T),
            ),
        ),
        Mistake(
            "bias_along_a_map",
            "You added conv_b along the columns or the rows of a map. Each filter has one bias, the same at all places "
            "of its map: z + conv_b[:, None, None].",
            (
                wired(z=lambda s: F.conv2d(s.x, s.conv_w) + s.conv_b),
                wired(z=lambda s: F.conv2d(s.x, s.conv_w) + s.conv_b[:, None]),
                wired(z=lambda s: bias_where_it_fits(s, s.conv_b)),
                wired(z=lambda s: bias_where_it_fits(s, s.conv_b[:, None])),
            ),
        ),
        Mistake(
            "true_class_only",
            "Only the logit of the true class got a gradient. Its probability contains all logits of the image.",
            (after("dlogits", lambda d, s: d * one_hot(s)),),
        ),
        Mistake(
            "labels_of_all_images",
            "You subtracted 1 at the labels of all images in every row: `dlogits[:, labels]` is whole columns. "
            "Image n has one label, and its place is `dlogits[np.arange(N), labels]`.",
            (wired(dlogits=lambda s: (torch.softmax(s.logits, 1) - one_hot(s).amax(0)) / len(s.x)),),
        ),
        Mistake(
            "labels_left_out",
            "You forgot to subtract 1 at the true class: dlogits is (softmax − one-hot) / N.",
            (wired(dlogits=lambda s: torch.softmax(s.logits, 1) / len(s.x)),),
        ),
        Mistake(
            "one_label_for_all",
            "You used one label for all images. Image n has the label labels[n].",
            (
                with_labels(lambda s: s.labels[:1].expand_as(s.labels)),
                with_labels(lambda s: s.labels[-1:].expand_as(s.labels)),
                with_labels(lambda s: s.labels.clamp(max=1)),
                with_labels(lambda s: 0 * s.labels),
                with_labels(lambda s: 0 * s.labels + 1),
                with_labels(lambda s: s.labels.sort()[0]),
                wired(loss=lambda s: -F.log_softmax(s.logits, 1)[:, s.labels].mean()),
            ),
        ),
        Mistake(
            "sign",
            "A sign is wrong. The loss is never negative, and dlogits is softmax − one-hot, not the other way round.",
            (
                after("dlogits", lambda d, s: -d),
                after("loss", lambda value, s: -value),
                both_after(lambda d, s: -d, "loss", "dlogits"),
            ),
        ),
        Mistake(
            "softmax_twice",
            "You took softmax twice. Cross-entropy gets the logits and has the softmax inside.",
            (
                wired(
                    loss=lambda s: WAY["loss"](softmax_before(s)), dlogits=lambda s: WAY["dlogits"](softmax_before(s))
                ),
                wired(loss=lambda s: WAY["loss"](softmax_before(s))),
            ),
        ),
        Mistake(
            "overflow",
            "Your exponentials overflow: e^1000 is infinite, and ∞/∞ is NaN. Subtract the row's largest logit first; "
            "that changes nothing else.",
            (
                wired(
                    loss=lambda s: -torch.log(picked(s, naive(s))).mean(),
                    dlogits=lambda s: (naive(s) - one_hot(s)) / len(s.x),
                ),
                wired(loss=lambda s: -torch.log(picked(s, naive(s))).mean()),
                *shifted_softmax(lambda z: 0),
                wired(dlogits=lambda s: (naive(s) - one_hot(s)) / len(s.x)),
            ),
        ),
        Mistake(
            "global_max",
            "You subtracted one number from the logits of all images, or one for each class. An image whose logits lie "
            "far below underflows to 0. Subtract from each row its own largest logit: axis=1, keepdims=True.",
            (
                *shifted_softmax(lambda z: z.max()),
                *shifted_softmax(lambda z: z.amax(0)),
                *shifted_softmax(lambda z: z.abs().max()),
            ),
        ),
        Mistake(
            "log_of_zero",
            "You took the logarithm of probabilities. One that is too small for a float has become 0 by then. "
            "Compute the logarithm of the softmax directly: logit − largest − log of the sum.",
            (
                wired(loss=lambda s: -torch.log(picked(s, torch.softmax(s.logits, 1))).mean()),
                *(
                    wired(loss=lambda s, e=e: -torch.log(picked(s, torch.softmax(s.logits, 1)) + e).mean())
                    for e in (1e-15, 1e-12, 1e-8, 1e-7)
                ),
                *(
                    wired(loss=lambda s, e=e: -torch.log(picked(s, torch.softmax(s.logits, 1)).clamp(min=e)).mean())
                    for e in (1e-300, 1e-15, 1e-12)
                ),
            ),
        ),
        Mistake(
            "classes_from_labels",
            "You counted the classes in the labels. The last class need not occur in a batch: K is len(linear_b).",
            (classes_from_labels,),
        ),
        Mistake(
            "params_changed",
            "You changed the parameters. This function only computes gradients: params and its arrays stay as they "
            "are.",
            (
                stepping_in_place(*PARAMS),
                stepping_in_place("linear_w"),
                stepping_in_place("conv_w"),
                stepping_in_place("linear_w", "linear_b"),
                stepping_in_the_dict,
            ),
        ),
        Mistake(
            "params_returned",
            "You returned parameters after a step. Return the gradients themselves.",
            tuple(
                returning(lambda params, loss, grads, lr=lr: (loss, {n: params[n] - lr * grads[n] for n in PARAMS}))
                for lr in (1, 0.1, 0.01)
            ),
        ),
        Mistake(
            "keys",
            "The keys of grads are those of params: conv_w, conv_b, linear_w, linear_b. No more and no less.",
            (
                returning(lambda params, loss, grads: (loss, {f"d{name}": one for name, one in grads.items()})),
                returning(lambda params, loss, grads: (loss, {f"d_{name}": one for name, one in grads.items()})),
                returning(lambda params, loss, grads: (loss, {**grads, "x": params["conv_w"]})),
                returning(lambda params, loss, grads: (loss, {n: one for n, one in grads.items() if n[-1] == "w"})),
            ),
        ),
        Mistake(
            "no_dict",
            "grads is a dict, with the keys of params: return loss, grads.",
            (
                returning(lambda params, loss, grads: (loss, tuple(grads.values()))),
                returning(lambda params, loss, grads: (loss, list(grads.values()))),
            ),
        ),
        Mistake(
            "precision",
            PRECISION + " np.eye(K)[labels] is float64, too.",
            (
                always(np.float64, ("grads",)),
                returning(lambda params, loss, grads: (loss, in_float64(grads, "linear_w", "linear_b"))),
                returning(lambda params, loss, grads: (loss, in_float64(grads, "linear_w", "linear_b", "conv_b"))),
                always(np.float32),
                always(np.float32, ("loss",)),
                always(np.float32, ("grads",)),
                always(np.longdouble, ("grads",)),
            ),
        ),
    ),
)


def weights_gradient(s, images, place=slice(None)):
    """The gradient of conv_w from some of the images, or from one place of the convolution."""
    dz = torch.zeros_like(s.dz)
    dz[images, :, place, place] = s.dz[images, :, place, place]
    return torch.nn.grad.conv2d_weight(s.x, s.conv_w.shape, dz)


REFERENCES = {
    "max_pool2d_forward": MAX_FORWARD,
    "max_pool2d_backward": MAX_BACKWARD,
    "translate": TRANSLATE,
    "forward_backward": NETWORK,
    "avg_pool2d_forward": AVG_FORWARD,
    "avg_pool2d_backward": AVG_BACKWARD,
}
