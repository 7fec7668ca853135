"""Lab 5, convolution backward: what is true, by torch, and the known ways to be wrong.

A mistake in one of the parts is also one in the whole: `DX`, `DW` and `DB` hold the wrong ways to compute each
gradient, and conv2d_backward is tried with each of them alone and, where one habit spoils several, together.
"""

import numpy as np
import torch
import torch.nn.functional as F

from labkit.references.reference import Mistake, Reference, with_torch
from labkit.references.shared import autograd, factor, products

# What is true -----------------------------------------------------------------------------------


@autograd
def gradients(x, w, b, stride, padding):
    return F.conv2d(x, w, b, stride, padding)


def conv2d_backward(dout, x, w, stride=1, padding=0):
    return gradients(dout, x, w, np.zeros(len(w), w.dtype), stride, padding)


@with_torch
def dx_of(dout, w, x_shape, stride=1, padding=0):
    return torch.nn.grad.conv2d_input(x_shape, w, dout, stride, padding)


@with_torch
def dw_of(dout, x, w_shape, stride=1, padding=0):
    return torch.nn.grad.conv2d_weight(x, w_shape, dout, stride, padding)


@with_torch
def db_of(dout):
    return dout.sum((0, 2, 3))


@with_torch
def all_three(dout, x, w, stride=1, padding=0):
    """As conv2d_backward, by the operator behind autograd, which is quick: the mistakes are built on it."""
    settings = (stride, stride), (padding, padding), (1, 1), False, (0, 0), 1, (True, True, True)
    return torch.ops.aten.convolution_backward(dout, x, w, (len(w),), *settings)


def conv1d_backward(dout, x, w, stride=1, padding=0):
    row = (None, None)
    backward = autograd(lambda x, w: F.conv1d(x, w, None, stride, padding))
    return tuple(one[0, 0] for one in backward(dout[row], x[row], w[row]))


# How one entry comes about ----------------------------------------------------------------------


def padded(x, p):
    """x with zeros around its last two axes."""
    return np.pad(x, [(0, 0)] * (x.ndim - 2) + [(p, p)] * 2)


def input_terms(output, index, dout, w, x_shape, stride=1, padding=0):
    """dx[n, c, a, b]: dout times the weight that lay on the pixel, for every place whose window held it."""
    n, c, a, b = index
    kh, kw = w.shape[2:]
    touched = [
        (f, i, j, a + padding - i * stride, b + padding - j * stride)
        for f, i, j in np.ndindex(dout.shape[1:])
        if 0 <= a + padding - i * stride < kh and 0 <= b + padding - j * stride < kw
    ]
    values = [(dout[n, f, i, j], w[f, c, u, v]) for f, i, j, u, v in touched]
    return products(*map(np.array, zip(*values))) if values else None


def weight_terms(output, index, dout, x, w_shape, stride=1, padding=0):
    """dw[f, c, u, v]: dout times the number that lay under the weight, for every image and place."""
    f, c, u, v = index
    rows, columns = (slice(at, at + stride * (n - 1) + 1, stride) for at, n in zip((u, v), dout.shape[2:]))
    return products(dout[:, f], padded(x, padding)[:, c, rows, columns])


def bias_terms(output, index, dout):
    return " + ".join(factor(one) for one in dout[:, index[0]].ravel().tolist())


def conv2d_terms(output, index, dout, x, w, stride=1, padding=0):
    if output == "dx":
        return input_terms(output, index, dout, w, x.shape, stride, padding)
    if output == "dw":
        return weight_terms(output, index, dout, x, w.shape, stride, padding)
    return bias_terms(output, index, dout)


def row_terms(output, index, dout, x, w, stride=1, padding=0):
    """conv1d_backward's entries: a row is an image of height 1, with zeros at its two ends alone."""
    if output == "dx":
        return input_terms(output, (0, 0, padding, *index), dout[None, None, None], w[None, None, None],
                           (1, 1, 1 + 2 * padding, len(x)), stride, padding)  # fmt: skip
    ends = np.pad(x, padding)
    return products(dout, ends[index[0] : index[0] + stride * (len(dout) - 1) + 1 : stride])


def turned_kernel(terms):
    """The terms of somebody who turned the kernel, where the entry depends on it."""

    def told(output, index, *arrays, **args):
        if output != "dx":
            return None
        spatial = tuple(range(-min(2, args["w"].ndim), 0))
        return terms(output, index, *arrays, **{**args, "w": np.flip(args["w"], spatial)})

    return told


# The lab's own loops in NumPy, bent ------------------------------------------------------------------


def framed(dout, w, x_shape, stride, padding):
    """The gradient of the padded images; the stride may be smaller than the one dout was made with."""
    n, c, h, width = x_shape
    dx = np.zeros((n, c, h + 2 * padding, width + 2 * padding), dout.dtype)
    reach = tuple((size - 1) * stride + k for size, k in zip(dout.shape[2:], w.shape[2:]))
    dx[:, :, : reach[0], : reach[1]] = dx_of(dout, w, (n, c, *reach), stride)
    return dx


def scatter(
    dout, w, x_shape, stride, padding, *, rows=None, columns=None, add=True, frame=None, scalars=False, kernel=None
):
    """The gradient of the padded images, place by place; what a slice or an index beyond the edge does, happens.

    rows, columns   how many places there are believed to be
    add             += or =
    frame           how much larger than the images the array is, on each side
    scalars         indices, not slices
    kernel          (KH, KW) that are believed
    """
    n, c, h, width = x_shape
    frame = padding if frame is None else frame
    if not (rows or columns or kernel or scalars) and add and frame == padding and isinstance(stride, int):
        return framed(dout, w, x_shape, stride, padding)
    dx = np.zeros((n, c, h + 2 * frame, width + 2 * frame), dout.dtype)
    kh, kw = kernel or w.shape[2:]
    down, across = stride if isinstance(stride, tuple) else (stride, stride)
    for i, j in np.ndindex(rows or dout.shape[2], columns or dout.shape[3]):
        got = np.tensordot(dout[:, :, i, j], w, 1)  # (N, C, KH, KW)
        if scalars:
            for u, v in np.ndindex(kh, kw):
                dx[:, :, i * down + u, j * across + v] += got[:, :, u, v]
            continue
        window = dx[:, :, i * down : i * down + kh, j * across : j * across + kw]
        if add:
            window += got
        else:
            window[...] = got
    return dx


def gather(dout, x, w_shape, stride, padding, *, rows=None, columns=None, scalars=False, kernel=None, add=True):
    """The gradient of the kernels, place by place, as `scatter`; x is padded by `padding`."""
    dw = np.zeros(w_shape, dout.dtype)
    x = padded(x, padding)
    kh, kw = kernel or w_shape[2:]
    down, across = stride if isinstance(stride, tuple) else (stride, stride)
    for i, j in np.ndindex(rows or dout.shape[2], columns or dout.shape[3]):
        if scalars:
            for u, v in np.ndindex(kh, kw):
                dw[:, :, u, v] += dout[:, :, i, j].T @ x[:, :, i * down + u, j * across + v]
            continue
        window = x[:, :, i * down : i * down + kh, j * across : j * across + kw]
        got = np.tensordot(dout[:, :, i, j], window, (0, 0))
        dw[...] = dw + got if add else got
    return dw


def cropped(dx, x_shape, padding):
    return dx[:, :, padding : padding + x_shape[2], padding : padding + x_shape[3]]


def bent_scatter(**bend):
    """A wrong dx by these loops, with arguments by their names: bend(dout, w, x_shape) where it is a function."""

    def wrong(dout, w, x_shape, s, p):
        given = {name: how(dout, w, x_shape) if callable(how) else how for name, how in bend.items()}
        return cropped(scatter(dout, w, x_shape, s, p, **given), x_shape, p)

    return wrong


def bent_gather(**bend):
    def wrong(dout, x, w_shape, s, p):
        given = {name: how(dout, x, w_shape) if callable(how) else how for name, how in bend.items()}
        return gather(dout, x, w_shape, s, p, **given)

    return wrong


def both_ways(make, **bend):
    """By slices and by indices."""
    return make(**bend), make(**bend, scalars=True)


def kept(array, *index):
    """Zeros, but for the entries at this index."""
    only = np.zeros_like(array)
    only[index] = array[index]
    return only


def repeated(array, axis, at):
    """The entry `at` of an axis in place of all."""
    return np.repeat(np.take(array, [at], axis), array.shape[axis], axis)


def swapped(w):
    """w[f, c, v, u] for w[f, c, u, v]: out of range unless the kernel is square."""
    if w.shape[2] != w.shape[3]:
        raise IndexError("index is out of bounds")
    return w.swapaxes(2, 3)


def square(dout):
    """dout[n, f, i, j] with i up to OW and j up to OH: out of range unless these are alike."""
    if dout.shape[2] != dout.shape[3]:
        raise IndexError("index is out of bounds")
    return dout


def turned(array):
    """The last two axes turned by 180°; a copy, since torch takes no negative strides."""
    return np.flip(array, (-2, -1)).copy()


def exchanged(array):
    """array[j, i] for array[i, j], of the first two axes: out of range unless these are alike."""
    if array.shape[0] != array.shape[1]:
        raise IndexError("index is out of bounds")
    return array.swapaxes(0, 1)


def lifted(how):
    """A function of an upstream gradient as one of all arguments, dout first."""
    return lambda right: lambda dout, *rest: right(how(dout), *rest)


def part(array, divisor):
    return array / np.asarray(divisor, array.dtype)


def reused(right, which=(0, 1, 2)):
    """The results at these places in arrays that are made once, and filled anew in every call."""
    made = {}

    def answer(*args, **keywords):
        results = right(*args, **keywords)
        several = isinstance(results, tuple)
        results = list(results) if several else [results]
        for at in which if several else (0,):
            key = at, results[at].shape, results[at].dtype
            made.setdefault(key, np.empty_like(results[at]))[...] = results[at]
            results[at] = made[key]
        return tuple(results) if several else results[0]

    return answer


def where(condition, wrong, right):
    """Wrong where the condition on the last three arguments holds: shape, stride, padding."""
    return lambda *args: (wrong if condition(*args[-3:]) else right)(*args)


def in_branches(wrongs, right):
    """Each wrong way, then each where there is no padding only, and where there is some only."""
    unpadded, some = (lambda shape, s, p: p == 0), (lambda shape, s, p: p > 0)
    return (*wrongs, *(where(one, wrong, right) for wrong in wrongs for one in (unpadded, some)))


def of_rows(down, across, s, p):
    """What is left over of the rows, for both axes."""
    return down, down


def of_columns(down, across, s, p):
    return across, across


def without_padding(down, across, s, p):
    """What would be left over if there were no padding."""
    return (down - 2 * p) % s, (across - 2 * p) % s


def left_over(size, kernel, s, p):
    return [(n + 2 * p - k) % s for n, k in zip(size, kernel)]


def fewer_places(dout, w_shape, size, s, p):
    """dout without the columns of places that do not fit when the rows' left-over part is cut off both axes."""
    more = left_over(size, w_shape[2:], s, p)[0]
    fit = max(0, (size[1] + 2 * p - w_shape[3] - more) // s + 1)
    return kept(dout, ..., slice(fit))


UPSTREAMS = (
    lifted(np.ones_like),
    lifted(lambda d: np.full_like(d, d.mean())),
    lifted(lambda d: np.full_like(d, d.sum())),
)

# dx -----------------------------------------------------------------------------------------------


def dx_last_tap(dout, w, x_shape, s, p):
    """`=` for `+=` in a loop over the kernel's entries, each of which writes to all places at once."""
    n, c, h, width = x_shape
    dx = np.zeros((n, c, h + 2 * p, width + 2 * p), dout.dtype)
    for u, v in np.ndindex(w.shape[2:]):
        rows, columns = (slice(at, at + s * (size - 1) + 1, s) for at, size in zip((u, v), dout.shape[2:]))
        dx[:, :, rows, columns] = np.einsum("nfij,fc->ncij", dout, w[:, :, u, v])
    return cropped(dx, x_shape, p)


def dx_last_of_all(dout, w, x_shape, s, p):
    """`=` for `+=` in loops over images, filters and places: the last filter's last window is left."""
    return bent_scatter(add=False)(dout[:, -1:], w[-1:], x_shape, s, p)


def dx_of_repeated(dout, w, x_shape, s, p):
    """Each entry of dout repeated s times in both directions, where zeros belong between them."""
    wide = dout.repeat(s, 2).repeat(s, 3)[:, :, : (dout.shape[2] - 1) * s + 1, : (dout.shape[3] - 1) * s + 1]
    return cropped(scatter(wide, w, x_shape, 1, p), x_shape, p)


def dx_repeated_pixels(dout, w, x_shape, s, p):
    """For kernels of 1 × 1: what belongs to one pixel goes to all pixels up to the next place."""
    wide = dout.repeat(s, 2).repeat(s, 3)[:, :, : x_shape[2] + 2 * p, : x_shape[3] + 2 * p]
    return cropped(scatter(wide, w, x_shape, 1, p), x_shape, p)


def dx_touched(dout, w, x_shape, s, p):
    """As large as what the windows reach, in place of as large as x."""
    reach = [(n - 1) * s + k - p for n, k in zip(dout.shape[2:], w.shape[2:])]
    return scatter(dout, w, x_shape, s, p)[:, :, p : reach[0], p : reach[1]]


def dx_reached(dout, w, x_shape, s, p):
    """The padded images' gradient, as large as what the windows reach, and not cropped."""
    reach = [(n - 1) * s + k for n, k in zip(dout.shape[2:], w.shape[2:])]
    return scatter(dout, w, x_shape, s, p)[:, :, : reach[0], : reach[1]]


def dx_wrapped(dout, w, x_shape, s, p):
    """An index of -1 is the last row: what belongs to the padding above goes to the rows at the bottom."""
    whole = scatter(dout, w, x_shape, s, p)
    for axis, size in ((2, x_shape[2]), (3, x_shape[3])):
        at = np.arange(size + 2 * p)
        inside = np.zeros((*whole.shape[:axis], size, *whole.shape[axis + 1 :]), whole.dtype)
        moved, here = np.moveaxis(inside, axis, 0), np.moveaxis(whole, axis, 0)
        for row in at[at - p < size]:
            moved[row - p] += here[row]
        whole = inside
    return whole


def dx_minus_p(dout, w, x_shape, s, p):
    """dx[…, i·s + u − p, …] in loops: -1 is the last row, and beyond the end there is nothing."""
    dx = np.zeros(x_shape, dout.dtype)
    for i, j, u, v in np.ndindex(*dout.shape[2:], *w.shape[2:]):
        dx[:, :, i * s + u - p, j * s + v - p] += dout[:, :, i, j] @ w[:, :, u, v]
    return dx


def dx_never_written(dout, w, x_shape, s, p):
    """The frame cut off an array that nothing was added to, by p:-p."""
    h, width = x_shape[2:]
    return np.zeros((*x_shape[:2], h + 2 * p, width + 2 * p), dout.dtype)[:, :, p : h + p, p : width + p]


def dx_over(counted):
    """As large as what the windows reach and so many rows and columns more; then cropped."""

    def wrong(dout, w, x_shape, s, p):
        more = counted(*left_over(x_shape[2:], w.shape[2:], s, p), s, p)
        reach = [(n - 1) * s + k + m for n, k, m in zip(dout.shape[2:], w.shape[2:], more)]
        whole = np.pad(scatter(dout, w, x_shape, s, p), ((0, 0), (0, 0), (0, s), (0, s)))
        return cropped(whole[:, :, : reach[0], : reach[1]], x_shape, p)

    return wrong


def dx_lengthened(dout, w, x_shape, s, p):
    """Cropped, then as many rows and columns of zeros as rows are missing."""
    dx = cropped(dx_reached(dout, w, x_shape, s, p), x_shape, p)
    missing = x_shape[2] - dx.shape[2]
    return np.pad(dx, ((0, 0), (0, 0), (0, missing), (0, missing)))


def dx_emptied(dout, w, x_shape, s, p):
    """Zeros in the last rows and columns, as many of both as rows are left over."""
    dx, (more, _) = scatter(dout, w, x_shape, s, p), left_over(x_shape[2:], w.shape[2:], s, p)
    if more:
        dx[:, :, -more:] = 0
        dx[..., -more:] = 0
    return cropped(dx, x_shape, p)


TURNED = (
    "A kernel lies the wrong way round in your gradient. If dout[n, f, i, j] times w[f] is added to the windows of dx, "
    "w[f] stays as it is. If windows slide over dout, w[f] is turned by 180°. dw is never turned."
)
EMPTY_SLICE = "The slice p:-p is empty when p is 0. Write p : p + H and p : p + W instead."
NEVER_WRITTEN = (
    "Your dx is 0 everywhere: you cropped an array that nothing was ever added to. With it, every layer below is "
    "frozen, and the loss still falls. Crop the array that your loop writes to."
)
OVERWRITTEN = (
    "You wrote = where += belongs, or += with an index array, which adds only once. So windows overwrote what others "
    "had given. Use a loop with +=, or np.add.at."
)
ONE_IMAGE = "Only one image of the batch counts. Every image gives its part: loop over all N and add."
AVERAGED = (
    "You divided where nothing is divided: sum and mean are mixed. All gradients of a layer are sums; the 1/N of the "
    "loss is in dout already."
)
STRIDE_IGNORED = "You left out the stride. The window of dout[n, f, i, j] begins at row i·stride and column j·stride."
STRIDE_ONE_WAY = "You used the stride in one direction only. It holds for rows and for columns."
PADDING_IGNORED = (
    "You left out the padding. The windows lie on the padded images: pad x before you cut windows out, make dx as "
    "large as the padded images, and cut the frame off at the end."
)
ONE_SIDE = "You padded one side of each axis, or cropped it. The frame goes around: above and below, left and right."
WRAPPED = (
    "You took the padding off the index. So an index of -1 meant the last row, where the padding above the image was "
    "meant, and beyond the end there is nothing. Work on the padded array, where every index fits."
)
HEIGHT = "You used the height where the width belongs, or the other way round. Square images and kernels hide that."
LAST_PLACE = "You left out the last row or column of places. There are OH · OW of them: those of dout."
UPSTREAM = "You left dout out, or used one number for all of it. Every output has its own entry of dout."
SIGN = "Your gradients have the wrong sign. The minus of gradient descent belongs to the step, not to the gradient."
TRANSPOSED = "You took rows for columns in the kernel. w[f, c, u, v] has its row u first."
FILTERS = "You took filters for channels: w has the shape (F, C, KH, KW), so it is w[f, c], not w[c, f]."
AXIS_LOST = "You lost an axis of length 1. A gradient has the shape of what it belongs to."
NOTHING = (
    "Your function returned None. It has to hand its gradients back, or the layer below learns nothing: write "
    "return."
)
LEFT_OVER = (
    "You used what one axis leaves over for both, or left the padding out of it. Rows leave (H + 2p − KH) % stride "
    "over, columns (W + 2p − KW) % stride. With arrays as large as the padded images you need neither."
)
REUSED = (
    "A later call overwrote what an earlier one had returned: you keep an array between calls. Make new arrays in "
    "every call, inside the function."
)
PRECISION = (
    "The dtype changed: float32 in must give float32 out, and float64 must give float64. "
    "np.zeros makes float64 unless you pass dtype=dout.dtype."
)
SENTENCES = {
    "kernel_turned": TURNED,
    "kernel_mirrored": "You mirrored the kernel along one axis. In the loops it is used as it is.",
    "kernel_transposed": TRANSPOSED,
    "filters_for_channels": FILTERS,
    "first_channel_everywhere": (
        "Every channel got the gradient of one channel. Channel c has its own weights: w[f, c], all of w[f] at once."
    ),
    "one_channel_only": "Only one channel has a gradient, the others are 0. All C channels were in the window.",
    "channels_summed": (
        "You added the channels up. In the forward pass they were; backward each keeps its own "
        "gradient."
    ),
    "one_filter_only": "Only one filter counts in your result, or all got one filter's gradient. Loop over all F.",
    "one_image_only": ONE_IMAGE,
    "images_summed": "Every image got the sum over all images. dout[n, f, i, j] gives to the window of image n alone.",
    "filters_summed": "Every filter got the sum over all filters. dout[n, f, i, j] gives to filter f alone.",
    "overwritten": OVERWRITTEN,
    "averaged": AVERAGED,
    "stride_ignored": STRIDE_IGNORED,
    "stride_one_way": STRIDE_ONE_WAY,
    "repeated_not_spread": (
        "You repeated the entries of dout for the stride. No window began between two places: zeros belong between "
        "them."
    ),
    "not_cropped": "Your dx still has its frame. Cut off the padding on all four sides: dx has the shape of x.",
    "one_side_only": ONE_SIDE,
    "all_axes_padded": (
        "You padded all four axes: np.pad(x, p) puts images and channels of zeros around the batch, too. Only the last "
        "two axes have a frame."
    ),
    "padding_ignored": PADDING_IGNORED,
    "negative_index": WRAPPED,
    "empty_slice_at_zero": EMPTY_SLICE,
    "never_written": NEVER_WRITTEN,
    "left_over_cut": (
        "Your dx ends where the last window ends. Rows and columns that no window touched have a gradient too: 0. "
        "dx has the shape of x."
    ),
    "left_over_of_one_axis": LEFT_OVER,
    "height_for_width": HEIGHT,
    "last_place_missing": LAST_PLACE,
    "upstream_left_out": UPSTREAM,
    "sign": SIGN,
    "axis_lost": AXIS_LOST,
    "precision": PRECISION,
    "reused": REUSED,
    "none_returned": NOTHING,
    "upstream_turned": (
        "You turned dout by 180°, as a true convolution does. Here dout slides over x as it is: the first entry of "
        "dout meets the first window."
    ),
    "batch_and_space_scrambled": (
        "Batch and space are scrambled in dw: a reshape put numbers of other images and places beside each other. With "
        "one image it is exact, with many it is close to noise. Move the axes with transpose first, or sum with loops."
    ),
    "reshaped_for_transposed": (
        "Your dw holds the right numbers in the wrong places: it was reshaped where its axes should have been "
        "transposed."
    ),
    "wrong_axes": (
        "You added up the wrong axes of dout. There is one bias a filter: add over N, OH and OW, axes 0, 2 and "
        "3."
    ),
    "batch_only": "You added over the images only. The bias of a filter went to every pixel: add over OH and OW too.",
    "space_only": "You added over the pixels only. Every image used the same bias: add over N too.",
    "one_number": "You added up all of dout. There is one bias a filter: axis 1 stays.",
    "axes_kept": (
        "Your db has axes of length 1 left. b has the shape (F,), and a gradient has the shape of what it belongs "
        "to."
    ),
    "order_of_results": (
        "The gradients come back in the wrong order. It is that of the forward's inputs: dx, dw, then "
        "db."
    ),
    "weights_changed": (
        "You changed w, or another input. A backward function computes gradients and nothing else; the step comes "
        "later."
    ),
    "updated_before_dx": (
        "You updated the weights before dx was computed. dx needs the weights of the forward pass. Compute all "
        "gradients first, and leave the step to the optimiser."
    ),
}

DX = {
    "kernel_turned": (lambda d, w, shape, s, p: dx_of(d, turned(w), shape, s, p),),
    "kernel_mirrored": (
        lambda d, w, shape, s, p: dx_of(d, np.flip(w, 2).copy(), shape, s, p),
        lambda d, w, shape, s, p: dx_of(d, np.flip(w, 3).copy(), shape, s, p),
    ),
    "kernel_transposed": (
        lambda d, w, shape, s, p: dx_of(d, swapped(w), shape, s, p),
        lambda d, w, shape, s, p: cropped(scatter(d, w.swapaxes(2, 3), shape, s, p, kernel=w.shape[2:]), shape, p),
    ),
    "filters_for_channels": (
        lambda d, w, shape, s, p: dx_of(d, exchanged(w), shape, s, p),
        lambda d, w, shape, s, p: dx_of(d, w.swapaxes(0, 1) if len(w) == w.shape[1] else w, shape, s, p),
    ),
    "first_channel_everywhere": (
        lambda d, w, shape, s, p: repeated(dx_of(d, w, shape, s, p), 1, 0),
        lambda d, w, shape, s, p: repeated(dx_of(d, w, shape, s, p), 1, -1),
    ),
    "one_channel_only": (
        lambda d, w, shape, s, p: kept(dx_of(d, w, shape, s, p), slice(None), 0),
        lambda d, w, shape, s, p: kept(dx_of(d, w, shape, s, p), slice(None), -1),
    ),
    "channels_summed": (
        lambda d, w, shape, s, p: dx_of(d, np.repeat(w.sum(1, keepdims=True), shape[1], 1), shape, s, p),
    ),
    "one_filter_only": (
        lambda d, w, shape, s, p: dx_of(d[:, :1], w[:1], shape, s, p),
        lambda d, w, shape, s, p: dx_of(d[:, -1:], w[-1:], shape, s, p),
    ),
    "one_image_only": (
        lambda d, w, shape, s, p: kept(dx_of(d, w, shape, s, p), 0),
        lambda d, w, shape, s, p: kept(dx_of(d, w, shape, s, p), -1),
        lambda d, w, shape, s, p: repeated(dx_of(d, w, shape, s, p), 0, 0),
        lambda d, w, shape, s, p: dx_of(d, w, shape, s, p)[-1],
    ),
    "images_summed": (lambda d, w, shape, s, p: dx_of(np.repeat(d.sum(0, keepdims=True), len(d), 0), w, shape, s, p),),
    "overwritten": (bent_scatter(add=False), dx_last_of_all, dx_last_tap),
    "averaged": (
        lambda d, w, shape, s, p: part(dx_of(d, w, shape, s, p), len(d)),
        lambda d, w, shape, s, p: part(dx_of(d, w, shape, s, p), d[0, 0].size),
        lambda d, w, shape, s, p: part(dx_of(d, w, shape, s, p), d[:, 0].size),
    ),
    "stride_ignored": (lambda d, w, shape, s, p: cropped(scatter(d, w, shape, 1, p), shape, p),),
    "stride_one_way": (
        lambda d, w, shape, s, p: cropped(scatter(d, w, shape, (s, 1), p), shape, p),
        lambda d, w, shape, s, p: cropped(scatter(d, w, shape, (1, s), p), shape, p),
    ),
    "repeated_not_spread": (
        dx_of_repeated,
        lambda d, w, shape, s, p: (dx_of_repeated if w[0, 0].size == 1 else dx_of)(d, w, shape, s, p),
        lambda d, w, shape, s, p: (dx_repeated_pixels if w[0, 0].size == 1 else dx_of)(d, w, shape, s, p),
    ),
    "not_cropped": (
        scatter,
        lambda d, w, shape, s, p: scatter(d, w, shape, s, p)[:, :, p : p + shape[2]],
        lambda d, w, shape, s, p: scatter(d, w, shape, s, p)[..., p : p + shape[3]],
    ),
    "one_side_only": (
        lambda d, w, shape, s, p: scatter(d, w, shape, s, p)[:, :, : shape[2], : shape[3]],
        lambda d, w, shape, s, p: scatter(d, w, shape, s, p)[:, :, 2 * p :, 2 * p :],
        lambda d, w, shape, s, p: scatter(d, w, shape, s, p)[:, :, p:, p:],
    ),
    "padding_ignored": (
        lambda d, w, shape, s, p: scatter(d, w, shape, s, p, frame=0),
        lambda d, w, shape, s, p: scatter(d, w, shape, s, p, frame=0, scalars=True),
        lambda d, w, shape, s, p: dx_touched(d, w, shape, s, 0),
    ),
    "negative_index": (dx_minus_p, dx_wrapped),
    "empty_slice_at_zero": (lambda d, w, shape, s, p: scatter(d, w, shape, s, p)[:, :, p:-p, p:-p],),
    "never_written": (
        dx_never_written,
        lambda d, w, shape, s, p: dx_never_written(d, w, shape, s, p) if p else dx_of(d, w, shape, s, p),
        lambda d, w, shape, s, p: np.zeros((*shape[:2], shape[2] + 2 * p, shape[3] + 2 * p), d.dtype)[:, :, p:-p, p:-p],
    ),
    "left_over_cut": (
        dx_touched,
        lambda d, w, shape, s, p: cropped(dx_reached(d, w, shape, s, p), shape, p),
        dx_reached,
    ),
    "left_over_of_one_axis": (
        *in_branches((dx_over(of_rows), dx_over(of_columns), dx_emptied), dx_of),
        dx_over(without_padding),
        dx_lengthened,
        lambda d, w, shape, s, p: dx_of(fewer_places(d, w.shape, shape[2:], s, p), w, shape, s, p),
    ),
    "height_for_width": (
        *both_ways(bent_scatter, columns=lambda d, w, shape: d.shape[2]),
        *both_ways(bent_scatter, kernel=lambda d, w, shape: (w.shape[2],) * 2),
        lambda d, w, shape, s, p: scatter(d, w, shape, s, p)[:, :, p : p + shape[2], p : p + shape[2]],
        lambda d, w, shape, s, p: dx_of(d, w, shape, s, p).swapaxes(2, 3),
        lambda d, w, shape, s, p: dx_of(swapped(d), w, shape, s, p),
        lambda d, w, shape, s, p: dx_of(square(d), w, shape, s, p),
    ),
    "last_place_missing": (
        lambda d, w, shape, s, p: dx_of(kept(d, ..., slice(-1), slice(-1)), w, shape, s, p),
        lambda d, w, shape, s, p: dx_of(kept(d, ..., slice(-1), slice(None)), w, shape, s, p),
        lambda d, w, shape, s, p: dx_of(kept(d, ..., slice(-1)), w, shape, s, p),
    ),
    "upstream_left_out": tuple(other(dx_of) for other in UPSTREAMS),
    "sign": (lambda d, w, shape, s, p: -dx_of(d, w, shape, s, p),),
    "axis_lost": (lambda d, w, shape, s, p: dx_of(d, w, shape, s, p).squeeze(),),
}

# dw -----------------------------------------------------------------------------------------------


def columns_of(x, w_shape, places, s, p):
    """All windows of the padded images as (N, C·KH·KW, OH·OW)."""
    windows = np.lib.stride_tricks.sliding_window_view(padded(x, p), w_shape[2:], (2, 3))[:, :, ::s, ::s]
    windows = windows[:, :, : places[0], : places[1]]
    return windows.transpose(0, 1, 4, 5, 2, 3).reshape(len(x), -1, places[0] * places[1])


def scrambled(upstream, columns):
    """dw as a product of matrices, (F, N·places) and (C·KH·KW, N·places), with the places in unlike orders."""

    def wrong(dout, x, w_shape, s, p):
        return (upstream(dout) @ columns(columns_of(x, w_shape, dout.shape[2:], s, p)).T).reshape(w_shape)

    return wrong


def batch_first(columns):
    return columns.transpose(1, 0, 2).reshape(columns.shape[1], -1)


def place_first(columns):
    return columns.transpose(1, 2, 0).reshape(columns.shape[1], -1)


def only_reshaped(columns):
    return columns.reshape(columns.shape[1], -1)


SCRAMBLED = (
    scrambled(lambda d: d.reshape(d.shape[1], -1), batch_first),
    scrambled(lambda d: d.transpose(1, 0, 2, 3).reshape(d.shape[1], -1), place_first),
    scrambled(lambda d: d.transpose(1, 2, 3, 0).reshape(d.shape[1], -1), batch_first),
    scrambled(lambda d: d.reshape(d.shape[1], -1), place_first),
    scrambled(lambda d: d.transpose(1, 0, 2, 3).reshape(d.shape[1], -1), only_reshaped),
    scrambled(lambda d: d.reshape(d.shape[1], -1), only_reshaped),
    lambda d, x, shape, s, p: dw_of(d, x.reshape(x.shape[1], len(x), *x.shape[2:]).swapaxes(0, 1), shape, s, p),
    lambda d, x, shape, s, p: dw_of(
        d.reshape(d.shape[1], len(d), *d.shape[2:]).swapaxes(0, 1),
        x.reshape(x.shape[1], len(x), *x.shape[2:]).swapaxes(0, 1),
        shape, s, p,
    ),  # fmt: skip
)


def other_padding(before, after):
    """dw with the images padded so many times p above and left, and below and right."""

    def wrong(dout, x, w_shape, s, p):
        frame = [(0, 0), (0, 0)] + [(before * p, after * p)] * 2
        return dw_of(dout, np.pad(x, frame), w_shape, s, 0)

    return wrong


def dw_wrapped(dout, x, w_shape, s, p):
    """An index of -1 is the last row: it stands where the zeros above and left of the image belong."""
    h, width = x.shape[2:]
    frame = [(0, 0), (0, 0), (0, p), (0, p)]
    rows, columns = ([at if at < size else 0 for at in range(-p, size)] for size in (h, width))
    return dw_of(dout, np.pad(x[:, :, rows][:, :, :, columns], frame), w_shape, s, 0)


def dw_minus_p(dout, x, w_shape, s, p):
    dw = np.zeros(w_shape, dout.dtype)
    for i, j, u, v in np.ndindex(*dout.shape[2:], *w_shape[2:]):
        dw[:, :, u, v] += dout[:, :, i, j].T @ x[:, :, i * s + u - p, j * s + v - p]
    return dw


def dw_over(counted):
    """What is left over is cut off the padded images; where this leaves other places, their shapes do not fit."""

    def wrong(dout, x, w_shape, s, p):
        more = counted(*left_over(x.shape[2:], w_shape[2:], s, p), s, p)
        sizes = [n + 2 * p - m for n, m in zip(x.shape[2:], more)]
        if any((n - k) // s + 1 != places for n, k, places in zip(sizes, w_shape[2:], dout.shape[2:])):
            raise ValueError("operands could not be broadcast together")
        return dw_of(dout, x, w_shape, s, p)

    return wrong


def dw_of_corner(dout, x, w_shape, s, p):
    """The product of matrices for 1 × 1 kernels, with the first pixels in place of those at the stride."""
    return dw_of(dout, padded(x, p)[:, :, : dout.shape[2], : dout.shape[3]], w_shape, 1, 0)


DW = {
    "kernel_turned": (lambda d, x, shape, s, p: dw_of(d, x, shape, s, p)[..., ::-1, ::-1],),
    "upstream_turned": (lambda d, x, shape, s, p: dw_of(turned(d), x, shape, s, p),),
    "kernel_mirrored": (
        lambda d, x, shape, s, p: dw_of(d, x, shape, s, p)[..., ::-1, :],
        lambda d, x, shape, s, p: dw_of(d, x, shape, s, p)[..., ::-1],
    ),
    "kernel_transposed": (
        lambda d, x, shape, s, p: dw_of(d, x, shape, s, p).swapaxes(2, 3),
    ),
    "filters_for_channels": (
        lambda d, x, shape, s, p: dw_of(d, x, shape, s, p).swapaxes(0, 1),
    ),
    "reshaped_for_transposed": (
        lambda d, x, shape, s, p: dw_of(d, x, shape, s, p).swapaxes(0, 1).reshape(shape),
        lambda d, x, shape, s, p: dw_of(d, x, shape, s, p).swapaxes(2, 3).reshape(shape),
        lambda d, x, shape, s, p: dw_of(d, x, shape, s, p).transpose(1, 2, 3, 0).reshape(shape),
    ),
    "batch_and_space_scrambled": SCRAMBLED,
    "first_channel_everywhere": (
        lambda d, x, shape, s, p: repeated(dw_of(d, x, shape, s, p), 1, 0),
        lambda d, x, shape, s, p: repeated(dw_of(d, x, shape, s, p), 1, -1),
    ),
    "one_channel_only": (
        lambda d, x, shape, s, p: kept(dw_of(d, x, shape, s, p), slice(None), 0),
        lambda d, x, shape, s, p: kept(dw_of(d, x, shape, s, p), slice(None), -1),
    ),
    "channels_summed": (
        lambda d, x, shape, s, p: np.repeat(dw_of(d, x, shape, s, p).sum(1, keepdims=True), shape[1], 1),
    ),
    "one_filter_only": (
        lambda d, x, shape, s, p: repeated(dw_of(d, x, shape, s, p), 0, 0),
        lambda d, x, shape, s, p: repeated(dw_of(d, x, shape, s, p), 0, -1),
        lambda d, x, shape, s, p: kept(dw_of(d, x, shape, s, p), 0),
        lambda d, x, shape, s, p: kept(dw_of(d, x, shape, s, p), -1),
    ),
    "one_image_only": (
        lambda d, x, shape, s, p: dw_of(d[-1:], x[-1:], shape, s, p),
        lambda d, x, shape, s, p: dw_of(d[:1], x[:1], shape, s, p),
        lambda d, x, shape, s, p: dw_of(d, repeated(x, 0, 0), shape, s, p),
        lambda d, x, shape, s, p: dw_of(d, repeated(x, 0, -1), shape, s, p),
    ),
    "filters_summed": (
        lambda d, x, shape, s, p: np.repeat(dw_of(d, x, shape, s, p).sum(0, keepdims=True), shape[0], 0),
    ),
    "overwritten": (
        lambda d, x, shape, s, p: dw_of(kept(d, ..., -1, -1), x, shape, s, p),
        lambda d, x, shape, s, p: dw_of(kept(d, -1, slice(None), -1, -1), x, shape, s, p),
        lambda d, x, shape, s, p: dw_of(kept(d, ..., -1, slice(None)), x, shape, s, p),
    ),
    "averaged": (
        lambda d, x, shape, s, p: part(dw_of(d, x, shape, s, p), len(d)),
        lambda d, x, shape, s, p: part(dw_of(d, x, shape, s, p), d[0, 0].size),
        lambda d, x, shape, s, p: part(dw_of(d, x, shape, s, p), d[:, 0].size),
    ),
    "stride_ignored": (
        lambda d, x, shape, s, p: gather(d, x, shape, 1, p),
        lambda d, x, shape, s, p: (dw_of_corner if shape[2] == shape[3] == 1 else dw_of)(d, x, shape, s, p),
    ),
    "stride_one_way": (
        lambda d, x, shape, s, p: gather(d, x, shape, (s, 1), p),
        lambda d, x, shape, s, p: gather(d, x, shape, (1, s), p),
    ),
    "padding_ignored": (
        lambda d, x, shape, s, p: gather(d, x, shape, s, 0),
        lambda d, x, shape, s, p: gather(d, x, shape, s, 0, scalars=True),
    ),
    "one_side_only": (other_padding(0, 2), other_padding(2, 0)),
    "all_axes_padded": (
        lambda d, x, shape, s, p: gather(d, np.pad(x, p), shape, s, 0),
        lambda d, x, shape, s, p: dw_of(d, np.pad(x, p)[: len(x), : x.shape[1]], shape, s, 0),
    ),
    "negative_index": (dw_minus_p, dw_wrapped),
    "left_over_of_one_axis": (
        *in_branches((dw_over(of_rows), dw_over(of_columns)), dw_of),
        dw_over(without_padding),
        lambda d, x, shape, s, p: dw_of(fewer_places(d, shape, x.shape[2:], s, p), x, shape, s, p),
    ),
    "height_for_width": (
        *both_ways(bent_gather, columns=lambda d, x, shape: d.shape[2]),
        *both_ways(bent_gather, kernel=lambda d, x, shape: (shape[2],) * 2),
        lambda d, x, shape, s, p: dw_of(swapped(d), x, shape, s, p),
        lambda d, x, shape, s, p: dw_of(square(d), x, shape, s, p),
    ),
    "last_place_missing": (
        lambda d, x, shape, s, p: dw_of(kept(d, ..., slice(-1), slice(-1)), x, shape, s, p),
        lambda d, x, shape, s, p: dw_of(kept(d, ..., slice(-1), slice(None)), x, shape, s, p),
        lambda d, x, shape, s, p: dw_of(kept(d, ..., slice(-1)), x, shape, s, p),
    ),
    "upstream_left_out": tuple(other(dw_of) for other in UPSTREAMS),
    "sign": (lambda d, x, shape, s, p: -dw_of(d, x, shape, s, p),),
    "axis_lost": (lambda d, x, shape, s, p: dw_of(d, x, shape, s, p).squeeze(),),
    "never_written": (lambda d, x, shape, s, p: np.zeros(shape, d.dtype),),
}

# db -----------------------------------------------------------------------------------------------

DB = {
    "averaged": (
        lambda d: d.mean((0, 2, 3)),
        lambda d: d.mean(0).sum((1, 2)),
        lambda d: d.mean((2, 3)).sum(0),
    ),
    "batch_only": (lambda d: d.sum(0), lambda d: d.mean(0)),
    "space_only": (lambda d: d.sum((2, 3)), lambda d: d.mean((2, 3))),
    "wrong_axes": (
        lambda d: d.sum((1, 2, 3)),
        lambda d: d.sum((0, 1, 2)),
        lambda d: d.sum((0, 1, 3)),
        lambda d: d.sum((0, 1)),
        lambda d: d.sum(1),
        lambda d: d.sum((0, 2)),
        lambda d: d.sum((0, 3)),
    ),
    "one_number": (
        lambda d: d.sum(),
        lambda d: np.array([d.sum()]),
        lambda d: np.full(d.shape[1], d.sum()),
    ),
    "axes_kept": (
        lambda d: d.sum((0, 2, 3), keepdims=True),
        lambda d: d.sum((0, 2, 3))[None],
        lambda d: d.sum((0, 2, 3))[:, None],
        lambda d: d.sum((0, 2, 3))[:, None, None],
    ),
    "one_image_only": (
        lambda d: d[-1].sum((1, 2)),
        lambda d: d[0].sum((1, 2)),
    ),
    "one_filter_only": (
        lambda d: np.full(d.shape[1], d[:, 0].sum()),
        lambda d: np.full(d.shape[1], d[:, -1].sum()),
        lambda d: kept(d.sum((0, 2, 3)), 0),
        lambda d: kept(d.sum((0, 2, 3)), -1),
    ),
    "overwritten": (
        lambda d: d[-1, :, -1, -1].copy(),
        lambda d: d[..., -1, -1].sum(0),
        lambda d: d[0, :, 0, 0].copy(),
        lambda d: d[..., 0, 0].sum(0),
    ),
    "last_place_missing": (
        lambda d: d[..., :-1, :-1].sum((0, 2, 3)),
        lambda d: d[..., :-1, :].sum((0, 2, 3)),
        lambda d: d[..., :-1].sum((0, 2, 3)),
    ),
    "batch_and_space_scrambled": (
        lambda d: d.reshape(d.shape[1], -1).sum(1),
        lambda d: d.reshape(-1, d.shape[1]).sum(0),
    ),
    "upstream_left_out": (
        lambda d: np.ones(d.shape[1], d.dtype),
        lambda d: np.full(d.shape[1], d[:, 0].size, d.dtype),
        lambda d: np.zeros(d.shape[1], d.dtype),
    ),
    "sign": (lambda d: -db_of(d),),
    "axis_lost": (lambda d: db_of(d).squeeze(),),
}

# The three parts ----------------------------------------------------------------------------------

SCRAMBLED_BIAS = (
    "Batch and filters are scrambled: a reshape put numbers of other filters beside each other. With one image it is "
    "exact, with many it is not. Name the axes to add over instead."
)


def with_defaults(wrong):
    """A wrong way of (dout, array, shape, stride, padding), with the names and defaults of each exercise."""
    return {
        "weight": lambda dout, x, w_shape, stride=1, padding=0: wrong(dout, x, w_shape, stride, padding),
        "input": lambda dout, w, x_shape, stride=1, padding=0: wrong(dout, w, x_shape, stride, padding),
        "bias": lambda dout: wrong(dout),
    }


def nothing(*_):
    return None


def other_precision(right):
    return tuple(lambda *args, dtype=dtype: right(*args).astype(dtype) for dtype in (np.float64, np.float32, np.int64))


def where_padded(right):
    """float64 where there is padding, or where there is none: the dtype is missing in one branch."""
    return tuple(
        lambda *args, padding=padding: right(*args).astype(np.float64 if (args[-1] > 0) == padding else args[0].dtype)
        for padding in (True, False)
    )


def part_mistakes(which, wrongs, right, sentences=None):
    """The mistakes of one of the three parts, with the two that all share."""
    branches = () if which == "bias" else where_padded(right)
    table = {**wrongs, "precision": other_precision(right) + branches, "reused": (reused(right),)}
    table["none_returned"] = (nothing,)
    told = {**SENTENCES, **(sentences or {})}
    return tuple(
        Mistake(
            name,
            told[name],
            tuple(with_defaults(one)[which] for one in answers),
            terms=turned_kernel(input_terms) if which == "input" and name == "kernel_turned" else None,
        )
        for name, answers in table.items()
    )


BIAS = Reference(
    answer=db_of,
    like="torch's autograd on torch.nn.functional.conv2d",
    terms=bias_terms,
    mistakes=part_mistakes("bias", DB, db_of, {
        "batch_and_space_scrambled": SCRAMBLED_BIAS,
        "overwritten": "Only one pixel of dout counts in your db. Add them all up: +=, not =.",
        "one_image_only": "Only one image counts in your db. Every image used the bias: add over all N.",
    }),
)  # fmt: skip

WEIGHT = Reference(
    answer=dw_of,
    like="torch.nn.grad.conv2d_weight",
    terms=weight_terms,
    mistakes=part_mistakes("weight", DW, dw_of, {
        "kernel_turned": (
            "Your dw is turned by 180°. dw[f, c, u, v] belongs to the weight in row u and column v, as w has "
            "it."
        ),
        "kernel_mirrored": (
            "Your dw is mirrored along one axis. dw[f, c, u, v] belongs to the weight in row u and column "
            "v."
        ),
        "kernel_transposed": "Rows and columns of your dw are exchanged. dw[f, c, u, v] has the row u first, as w.",
        "overwritten": (
            "You wrote = where += belongs, so only the last place is left. A weight is used at every place: add up."
        ),
        "channels_summed": "You added the channels up. Each weight belongs to one channel, and meets that one only.",
        "never_written": "Your dw is 0 everywhere. Return the array that your loop adds to.",
        "padding_ignored": (
            "You left out the padding. The windows lie on the padded images: pad x before you cut them out."
        ),
        "one_side_only": "You padded one side of each axis. The zeros go around: above and below, left and right.",
    }),
)  # fmt: skip

INPUT = Reference(
    answer=dx_of,
    like="torch.nn.grad.conv2d_input",
    terms=input_terms,
    mistakes=part_mistakes("input", DX, dx_of, {
        "averaged": "You divided your dx. Nothing is averaged: what arrives at a pixel is added up, image by image.",
        "one_image_only": "Only one image got its gradient. Every image has its own: loop over all N.",
    }),
)  # fmt: skip


# The whole ----------------------------------------------------------------------------------------


def whole(dx=None, dw=None, db=None, change=lambda *three: three):
    """A conv2d_backward with these wrong parts; `change` gets the three gradients."""

    def answer(dout, x, w, stride=1, padding=0):
        three = all_three(dout, x, w, stride, padding)
        return change(
            dx(dout, w, x.shape, stride, padding) if dx else three[0],
            dw(dout, x, w.shape, stride, padding) if dw else three[1],
            db(dout) if db else three[2],
        )

    return answer


MANY = (
    "overwritten", "one_image_only", "never_written", "batch_and_space_scrambled", "averaged", "left_over_of_one_axis",
)  # fmt: skip
TOGETHER = (*MANY[:2], "averaged", "kernel_turned", "stride_ignored", "padding_ignored", "sign")


def spoilt(name):
    """Spellings of one mistake in the whole: in each part alone, then one habit in two or three parts at once.

    Of most mistakes the first spelling only: the parts have been asked for by themselves.
    """
    most = 2 if name in MANY else 1
    parts = {key: table[name][:most] for key, table in (("dx", DX), ("dw", DW), ("db", DB)) if name in table}
    alone = [whole(**{key: one}) for key, answers in parts.items() for one in answers]
    sets = {tuple(parts), ("dw", "db")} if len(parts) == 3 else {tuple(parts)}
    together = [
        whole(**dict(zip(keys, spellings)))
        for keys in sorted(sets)
        if len(keys) > 1 and name in TOGETHER
        for spellings in zip(*(parts[key] for key in keys))
    ]
    return tuple(alone + together)


def changed(change):
    return whole(change=change)


def of_three(change):
    """Each of the three gradients changed: change(gradient)."""
    return changed(lambda *three: tuple(map(change, three)))


def updated_first(minus):
    """w is replaced or overwritten by its step before dx is computed, by a learning rate."""

    def answer(dout, x, w, stride=1, padding=0):
        dw, db = dw_of(dout, x, w.shape, stride, padding), db_of(dout)
        w = minus(w, np.asarray(0.1, w.dtype) * dw)
        return dx_of(dout, w, x.shape, stride, padding), dw, db

    return answer


def in_place(w, step):
    w -= step
    return w


def by_updated_weights(right, step, found, precise=1e-8):
    """Whether what was found is off by a multiple of `step`, and `step` is not just a multiple of what is right."""
    if not np.isfinite(found).all():
        return False
    change = found - right
    lengths = [max(float(np.linalg.norm(one)), 1e-300) for one in (right, step, change)]
    along = abs(np.vdot(step, change)) / (lengths[1] * lengths[2])
    alike = abs(np.vdot(step, right)) / (lengths[1] * lengths[0])
    return bool(alike < 0.99 and along > 1 - precise and lengths[2] > precise * lengths[0])


def shows_updated_weights(case, outputs):
    """dw and db are right, and dx is what other weights would give, moved along dw by any learning rate."""
    dout, x, w = (case.args[name] for name in ("dout", "x", "w"))
    more = case.args.get("stride", 1), case.args.get("padding", 0)
    dw = dw_of(dout, x, w.shape, *more)
    if w.dtype != np.float64 or outputs["dw"].shape != dw.shape or not np.allclose(outputs["dw"], dw):
        return False
    db = db_of(dout)
    if outputs["dx"].shape != x.shape or outputs["db"].shape != db.shape or not np.allclose(outputs["db"], db):
        return False
    right, step = (dx_of(dout, one, x.shape, *more) for one in (w, dw))
    return by_updated_weights(right, step, outputs["dx"])


def after_the_gradients(name):
    """An input is overwritten once all three gradients are there."""

    def answer(dout, x, w, stride=1, padding=0):
        results = all_three(dout, x, w, stride, padding)
        {"dout": dout, "x": x, "w": w}[name][...] *= 2
        return results

    return answer


OF_PARTS_ALONE = (
    "kernel_mirrored", "kernel_transposed", "channels_summed", "one_channel_only", "repeated_not_spread",
    "stride_one_way", "last_place_missing", "reshaped_for_transposed", "one_number", "batch_only",
)  # fmt: skip
MERGED = [name for name in SENTENCES if name in DX.keys() | DW.keys() | DB.keys() and name not in OF_PARTS_ALONE]

NOT_HANDED_ON = {
    "stride_ignored": (
        "You left out the stride. If you call your functions, do you hand stride and padding on, to both? In loops, "
        "the window of dout[n, f, i, j] begins at row i·stride and column j·stride."
    ),
    "padding_ignored": (
        "You left out the padding. If you call your functions, do you hand stride and padding on, to both? In loops, "
        "the windows lie on the padded images."
    ),
}


def dx_swapped(dout, w, x_shape, s, p):
    """Called with the padding as its stride and the stride as its padding."""
    return cropped(scatter(dout, w, x_shape, p, s, rows=dout.shape[2]), x_shape, s)


def dw_swapped(dout, x, w_shape, s, p):
    return gather(dout, x, w_shape, p, s)


def dx_by_defaults(dout, w, x_shape, s, p):
    return scatter(dout, w, x_shape, 1, 0, rows=dout.shape[2])


def dw_by_defaults(dout, x, w_shape, s, p):
    return gather(dout, x, w_shape, 1, 0)


def in_either(dx, dw):
    """In one of the two gradients, and in both."""
    return whole(dx=dx), whole(dw=dw), whole(dx=dx, dw=dw)


CONV2D = Reference(
    answer=conv2d_backward,
    like="torch's autograd on torch.nn.functional.conv2d",
    terms=conv2d_terms,
    mistakes=(
        Mistake("weights_changed", SENTENCES["weights_changed"], tuple(map(after_the_gradients, ("w", "x", "dout")))),
        *(
            Mistake(
                name,
                (SENTENCES | NOT_HANDED_ON)[name],
                spoilt(name) + ((of_three(lambda one: -one),) if name == "sign" else ()),
                terms=turned_kernel(conv2d_terms) if name == "kernel_turned" else None,
            )
            for name in MERGED
        ),
        Mistake(
            "stride_and_padding_swapped",
            "You swapped stride and padding in a call. The stride comes first; or pass both by name.",
            in_either(dx_swapped, dw_swapped),
        ),
        Mistake(
            "not_handed_on",
            "You left out stride and padding. If you call your functions, hand both on, for dx and for dw.",
            in_either(dx_by_defaults, dw_by_defaults),
        ),
        Mistake(
            "order_of_results",
            SENTENCES["order_of_results"],
            tuple(
                changed(lambda *three, order=order: tuple(three[at] for at in order))
                for order in ((1, 0, 2), (0, 2, 1), (2, 1, 0), (1, 2, 0), (2, 0, 1))
            ),
        ),
        Mistake(
            "none_returned",
            "A gradient is missing: None came back for it, or nothing at all. Return all three, every time: dx, dw, "
            "db.",
            (
                changed(nothing),
                changed(lambda dx, dw, db: (None, dw, db)),
                changed(lambda dx, dw, db: (dx, dw, None)),
                changed(lambda dx, dw, db: (dw, db)),
                changed(lambda dx, dw, db: (dx, dw)),
                changed(lambda dx, dw, db: dx),
            ),
        ),
        Mistake(
            "precision",
            PRECISION,
            (
                *(of_three(lambda one, dtype=dtype: one.astype(dtype)) for dtype in (np.float64, np.float32)),
                *(whole(**{key: one}) for key, right in (("dx", dx_of), ("dw", dw_of), ("db", db_of))
                  for one in other_precision(right)[:2]),
                *(whole(**{key: one}) for key, right in (("dx", dx_of), ("dw", dw_of)) for one in where_padded(right)),
            ),
        ),
        Mistake("reused", REUSED, tuple(reused(whole(), which) for which in ((0, 1, 2), (0,), (1,), (2,)))),
        Mistake(
            "updated_before_dx",
            SENTENCES["updated_before_dx"],
            (updated_first(in_place), updated_first(lambda w, step: w - step)),
            shows=shows_updated_weights,
        ),
    ),
)  # fmt: skip

# A row --------------------------------------------------------------------------------------------


def row_scatter(dout, w, size, stride, padding, *, places=None, add=True, scalars=False):
    """The gradient of the padded row, window by window; an index or a slice beyond the edge does what it does."""
    dx = np.zeros(size + 2 * padding, dout.dtype)
    for i in range(len(dout) if places is None else places):
        if scalars:
            for k in range(len(w)):
                dx[i * stride + k] += dout[i] * w[k]
        elif add:
            dx[i * stride : i * stride + len(w)] += dout[i] * w
        else:
            dx[i * stride : i * stride + len(w)] = dout[i] * w
    return dx


def row_gather(dout, x, size, stride, *, places=None, scalars=False):
    """The gradient of the kernel; x is padded already."""
    dw = np.zeros(size, dout.dtype)
    for i in range(len(dout) if places is None else places):
        if scalars:
            for k in range(size):
                dw[k] += dout[i] * x[i * stride + k]
        else:
            dw += dout[i] * x[i * stride : i * stride + size]
    return dw


def row_dx(dout, w, size, stride, padding):
    return row_scatter(dout, w, size, stride, padding)[padding : padding + size]


def row_dw(dout, x, size, stride, padding):
    return row_gather(dout, np.pad(x, padding), size, stride)


def row_last_tap(d, w, size, s, p):
    """`=` for `+=` in a loop over the kernel, which writes to all places at once."""
    dx = np.zeros(size + 2 * p, d.dtype)
    for k in range(len(w)):
        dx[k : k + s * (len(d) - 1) + 1 : s] = d * w[k]
    return dx[p : p + size]


def row_wrapped(d, w, size, s, p):
    """What belongs to the padding on the left goes to the row's end: an index of -1 is the last one."""
    ends = row_scatter(d, w, size, s, p)
    dx = ends[p : p + size].copy()
    for at in range(p):
        dx[at - p] += ends[at]
    return dx


def row_reached(d, w, size, s, p):
    """The padded row's gradient, as long as what the windows reach, and not cropped."""
    return row_scatter(d, w, size, s, p)[: (len(d) - 1) * s + len(w)]


def row_one_more(d, w, size, s, p):
    """One zero at the end of what the windows reach, however many are missing."""
    return np.append(row_reached(d, w, size, s, p), d[:1] * 0)[p : p + size]


def row_minus_p(d, w, size, s, p):
    dx = np.zeros(size, d.dtype)
    for i, k in np.ndindex(len(d), len(w)):
        dx[i * s + k - p] += d[i] * w[k]
    return dx


ROW_DX = {
    "kernel_turned": (lambda d, w, size, s, p: row_dx(d, w[::-1], size, s, p),),
    "overwritten": (
        lambda d, w, size, s, p: row_scatter(d, w, size, s, p, add=False)[p : p + size],
        row_last_tap,
    ),
    "averaged": (
        lambda d, w, size, s, p: part(row_dx(d, w, size, s, p), len(d)),
        lambda d, w, size, s, p: part(row_dx(d, w, size, s, p), len(w)),
    ),
    "stride_ignored": (lambda d, w, size, s, p: row_dx(d, w, size, 1, p),),
    "repeated_not_spread": (
        lambda d, w, size, s, p: row_dx(np.repeat(d, s)[: (len(d) - 1) * s + 1], w, size, 1, p),
    ),
    "not_cropped": (row_scatter,),
    "one_side_only": (
        lambda d, w, size, s, p: row_scatter(d, w, size, s, p)[:size],
        lambda d, w, size, s, p: row_scatter(d, w, size, s, p)[2 * p :],
        lambda d, w, size, s, p: row_scatter(d, w, size, s, p)[p:],
    ),
    "padding_ignored": (
        lambda d, w, size, s, p: row_scatter(d, w, size, s, 0),
        lambda d, w, size, s, p: row_scatter(d, w, size, s, 0, scalars=True),
    ),
    "negative_index": (row_minus_p, row_wrapped),
    "empty_slice_at_zero": (lambda d, w, size, s, p: row_scatter(d, w, size, s, p)[p:-p],),
    "never_written": (
        lambda d, w, size, s, p: np.zeros(size, d.dtype),
        lambda d, w, size, s, p: np.zeros(size, d.dtype) if p else row_dx(d, w, size, s, p),
        lambda d, w, size, s, p: np.zeros(size + 2 * p, d.dtype)[p:-p],
    ),
    "left_over_cut": (
        lambda d, w, size, s, p: row_reached(d, w, size, s, p)[p : (len(d) - 1) * s + len(w) - p],
        lambda d, w, size, s, p: row_reached(d, w, size, s, p)[p : p + size],
        row_reached,
    ),
    "one_entry_over": (row_one_more,),
    "last_place_missing": (lambda d, w, size, s, p: row_scatter(d, w, size, s, p, places=len(d) - 1)[p : p + size],),
    "upstream_left_out": tuple(other(row_dx) for other in UPSTREAMS),
    "sign": (lambda d, w, size, s, p: -row_dx(d, w, size, s, p),),
}


def row_dw_minus_p(d, x, size, s, p):
    dw = np.zeros(size, d.dtype)
    for i, k in np.ndindex(len(d), size):
        dw[k] += d[i] * x[i * s + k - p]
    return dw


def row_dw_wrapped(d, x, size, s, p):
    """The row's end stands where the zeros on the left belong."""
    return row_gather(d, np.pad(np.append(x[len(x) - p :], x), (0, p)), size, s)


ROW_DW = {
    "dw_reversed": (lambda d, x, size, s, p: row_dw(d, x, size, s, p)[::-1],),
    "upstream_turned": (lambda d, x, size, s, p: row_dw(d[::-1], x, size, s, p),),
    "overwritten": (lambda d, x, size, s, p: row_dw(kept(d, slice(-1, None)), x, size, s, p),),
    "averaged": (
        lambda d, x, size, s, p: part(row_dw(d, x, size, s, p), len(d)),
        lambda d, x, size, s, p: part(row_dw(d, x, size, s, p), size),
    ),
    "stride_ignored": (lambda d, x, size, s, p: row_dw(d, x, size, 1, p),),
    "one_side_only": (
        lambda d, x, size, s, p: row_gather(d, np.pad(x, (0, 2 * p)), size, s),
        lambda d, x, size, s, p: row_gather(d, np.pad(x, (2 * p, 0)), size, s),
    ),
    "negative_index": (row_dw_minus_p, row_dw_wrapped),
    "padding_ignored": (
        lambda d, x, size, s, p: row_gather(d, x, size, s),
        lambda d, x, size, s, p: row_gather(d, x, size, s, scalars=True),
    ),
    "last_place_missing": (lambda d, x, size, s, p: row_gather(d, np.pad(x, p), size, s, places=len(d) - 1),),
    "upstream_left_out": tuple(other(row_dw) for other in UPSTREAMS),
    "sign": (lambda d, x, size, s, p: -row_dw(d, x, size, s, p),),
    "never_written": (lambda d, x, size, s, p: np.zeros(size, d.dtype),),
}


def whole_row(dx=row_dx, dw=row_dw, change=lambda *two: two):
    """A conv1d_backward with these parts; `change` gets the two gradients."""

    def answer(dout, x, w, stride=1, padding=0):
        return change(dx(dout, w, len(x), stride, padding), dw(dout, x, len(w), stride, padding))

    return answer


def spoilt_row(name):
    """In each gradient alone, then in both."""
    of_dx, of_dw = ROW_DX.get(name, ()), ROW_DW.get(name, ())
    both = [whole_row(*two) for two in zip(of_dx, of_dw)]
    return (*(whole_row(dx=one) for one in of_dx), *(whole_row(dw=one) for one in of_dw), *both)


TURNED_ROWS = (whole_row(ROW_DX["kernel_turned"][0], ROW_DW["dw_reversed"][0]),)


def row_updated_first(minus):
    def answer(dout, x, w, stride=1, padding=0):
        dw = row_dw(dout, x, len(w), stride, padding)
        w = minus(w, np.asarray(0.1, w.dtype) * dw)
        return row_dx(dout, w, len(x), stride, padding), dw

    return answer


def row_after_the_gradients(name):
    def answer(dout, x, w, stride=1, padding=0):
        results = whole_row()(dout, x, w, stride, padding)
        {"dout": dout, "x": x, "w": w}[name][...] *= 2
        return results

    return answer


def shows_updated_row(case, outputs):
    """dw is right, and dx is what other weights would give, moved along dw by any learning rate."""
    dout, x, w = (case.args[name] for name in ("dout", "x", "w"))
    more = case.args.get("stride", 1), case.args.get("padding", 0)
    dw = row_dw(dout, x, len(w), *more)
    if w.dtype != np.float64 or outputs["dw"].shape != w.shape or not np.allclose(outputs["dw"], dw):
        return False
    if outputs["dx"].shape != x.shape:
        return False
    return by_updated_weights(*(row_dx(dout, one, len(x), *more) for one in (w, dw)), outputs["dx"])


IN_A_ROW = {
    "kernel_turned": (
        "The kernel lies the wrong way round in your gradient. If dout[i] times w is added to the windows of dx, w "
        "stays as it is. If windows slide over dout, w is turned round. dw is never turned."
    ),
    "dw_reversed": "Your dw is the wrong way round: dw[k] belongs to w[k].",
    "stride_ignored": "You left out the stride. The window of dout[i] begins at i·stride.",
    "not_cropped": "Your dx still has its padding. Cut it off at both ends: dx has the length of x.",
    "one_side_only": "You padded one end only, or cropped one end only. The zeros go left and right.",
    "padding_ignored": (
        "You left out the padding. The windows lie on the padded row: pad x before you cut windows out, make dx as "
        "long as the padded row, and cut its ends off when all is added."
    ),
    "negative_index": (
        "You took the padding off the index. So an index of -1 meant the last entry, where the padding on the left was "
        "meant, and beyond the end there is nothing. Work on the padded row, where every index fits."
    ),
    "empty_slice_at_zero": "The slice p:-p is empty when p is 0. Write p : p + len(x) instead.",
    "one_entry_over": (
        "You added one entry to a dx that was too short. More than one may be left over: begin with zeros as long as "
        "the padded row."
    ),
    "left_over_cut": (
        "Your dx ends where the last window ends. Entries that no window touched have a gradient too: 0. dx is as "
        "long as x."
    ),
    "last_place_missing": "You left out the last place of the kernel. There are len(dout) of them.",
    "upstream_turned": (
        "You turned dout round, as np.convolve does. Here dout slides over x as it is: its first entry meets the "
        "first window."
    ),
    "none_returned": (
        "A gradient is missing: None came back for it, or nothing at all. Return both, every time: dx, dw."
    ),
    "order_of_results": "The gradients come back in the wrong order. It is that of the forward's inputs: dx, then dw.",
}

CONV1D = Reference(
    answer=conv1d_backward,
    like="torch's autograd on torch.nn.functional.conv1d",
    terms=row_terms,
    mistakes=(
        Mistake(
            "weights_changed",
            SENTENCES["weights_changed"],
            tuple(map(row_after_the_gradients, ("w", "x", "dout"))),
        ),
        *(
            Mistake(
                name,
                {**SENTENCES, **IN_A_ROW}[name],
                spoilt_row(name) + (TURNED_ROWS if name == "kernel_turned" else ()),
                terms=turned_kernel(row_terms) if name == "kernel_turned" else None,
            )
            for name in SENTENCES | IN_A_ROW
            if name in ROW_DX.keys() | ROW_DW.keys()
        ),
        Mistake("order_of_results", IN_A_ROW["order_of_results"], (whole_row(change=lambda dx, dw: (dw, dx)),)),
        Mistake(
            "none_returned",
            IN_A_ROW["none_returned"],
            (
                whole_row(change=nothing),
                whole_row(change=lambda dx, dw: (dx, None)),
                whole_row(change=lambda dx, dw: (None, dw)),
                whole_row(change=lambda dx, dw: dx),
                whole_row(change=lambda dx, dw: dw),
            ),
        ),
        Mistake(
            "precision",
            PRECISION,
            (
                *(
                    whole_row(change=lambda dx, dw, dtype=dtype: (dx.astype(dtype), dw.astype(dtype)))
                    for dtype in (np.float64, np.float32, np.int64)
                ),
                whole_row(change=lambda dx, dw: (dx.astype(np.float64), dw)),
                whole_row(change=lambda dx, dw: (dx, dw.astype(np.float64))),
                *map(whole_row, where_padded(row_dx)),
            ),
        ),
        Mistake("reused", REUSED, tuple(reused(whole_row(), which) for which in ((0, 1), (0,), (1,)))),
        Mistake(
            "updated_before_dx",
            SENTENCES["updated_before_dx"],
            (row_updated_first(in_place), row_updated_first(lambda w, step: w - step)),
            shows=shows_updated_row,
        ),
    ),
)

REFERENCES = {
    "conv1d_backward": CONV1D,
    "conv2d_backward_bias": BIAS,
    "conv2d_backward_weight": WEIGHT,
    "conv2d_backward_input": INPUT,
    "conv2d_backward": CONV2D,
}
