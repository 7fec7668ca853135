"""Lab 2, convolution, slow and clear: what is true, by torch, and the known ways to be wrong."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from labkit.references.reference import Mistake, Reference, with_torch
from labkit.references.shared import factor, products, require_fit, same_precision


# output_size ------------------------------------------------------------------------------------


def output_size(size, kernel, stride=1, padding=0):
    require_fit((size,), (kernel,), padding)
    row, weights = torch.zeros(1, 1, size), torch.zeros(1, 1, kernel)
    return F.conv1d(row, weights, None, stride, padding).shape[2]


def size_terms(output, index, size, kernel, stride=1, padding=0):
    return f"floor(({size} + 2·{padding} - {kernel}) / {stride}) + 1"


def wrong_size(formula, guard=lambda size, kernel, padding: kernel > size + 2 * padding):
    """A wrong output_size from its formula and its guard."""

    def answer(size, kernel, stride=1, padding=0):
        if guard(size, kernel, padding):
            raise ValueError("the kernel does not fit")
        return formula(size, kernel, stride, padding)

    return answer


def right_formula(s, k, t, p):
    return (s + 2 * p - k) // t + 1


OUTPUT_SIZE = Reference(
    answer=output_size,
    like="torch.nn.functional.conv1d",
    terms=size_terms,
    mistakes=(
        Mistake(
            "plus_one_forgotten",
            "You left out the + 1. The first place of the kernel counts too.",
            (wrong_size(lambda s, k, t, p: (s + 2 * p - k) // t),),
        ),
        Mistake(
            "plus_one_inside",
            "You added the 1 before dividing by the stride. Divide first, then add 1.",
            (wrong_size(lambda s, k, t, p: (s + 2 * p - k + 1) // t),),
        ),
        Mistake(
            "padding_once",
            "You counted the padding once. It is added on both sides, so it counts twice.",
            (
                wrong_size(lambda s, k, t, p: (s + p - k) // t + 1),
                wrong_size(lambda s, k, t, p: (s + p - k) // t + 1, lambda s, k, p: k > s + p),
            ),
        ),
        Mistake(
            "padding_ignored",
            "You left out the padding.",
            (
                wrong_size(lambda s, k, t, p: (s - k) // t + 1),
                wrong_size(lambda s, k, t, p: (s - k) // t + 1, lambda s, k, p: k > s),
            ),
        ),
        Mistake(
            "stride_ignored",
            "You left out the stride. A kernel that moves in steps of 2 has about half the places.",
            (wrong_size(lambda s, k, t, p: s + 2 * p - k + 1),),
        ),
        Mistake(
            "fraction",
            "You divided with /, which gives a float. A size is an int: divide with //.",
            (
                wrong_size(lambda s, k, t, p: (s + 2 * p - k) / t + 1),
                wrong_size(lambda s, k, t, p: np.floor((s + 2 * p - k) / t + 1)),
                wrong_size(lambda s, k, t, p: np.floor((s + 2 * p - k) / t) + 1),
            ),
        ),
        Mistake(
            "rounded_up",
            "You rounded up. A last step that is not whole does not count: torch rounds down.",
            (wrong_size(lambda s, k, t, p: math.ceil((s + 2 * p - k) / t) + 1),),
        ),
        Mistake(
            "rounded_to_nearest",
            "You rounded to the nearest whole number. A last step that is not whole never counts: torch rounds down.",
            (
                wrong_size(lambda s, k, t, p: round((s + 2 * p - k) / t) + 1),
                wrong_size(lambda s, k, t, p: round((s + 2 * p - k) / t + 1)),
            ),
        ),
        Mistake(
            "brackets_forgotten",
            "You divided the kernel alone by the stride. The whole of size + 2·padding − kernel is divided: put brackets.",
            (wrong_size(lambda s, k, t, p: s + 2 * p - k // t + 1),),
        ),
        Mistake(
            "guard_never_fires",
            "A kernel larger than the padded input has no place at all. Raise a ValueError for it.",
            (wrong_size(right_formula, lambda s, k, p: False),),
        ),
        Mistake(
            "guard_forgets_padding",
            "You compared the kernel with the input before padding. It may be larger, if it fits the padded input.",
            (wrong_size(right_formula, lambda s, k, p: k > s),),
        ),
        Mistake(
            "guard_too_strict",
            "You refused a kernel that is just as large as the padded input. It has one place.",
            (wrong_size(right_formula, lambda s, k, p: k >= s + 2 * p),),
        ),
    ),
)

# same_padding -----------------------------------------------------------------------------------


def same_padding(kernel):
    if kernel % 2 == 0:
        raise ValueError(f"no padding keeps the size with the even kernel {kernel}")
    row, weights = torch.zeros(1, 1, kernel), torch.zeros(1, 1, kernel)
    return next(p for p in range(kernel) if F.conv1d(row, weights, None, 1, p).shape[2] == kernel)


def wrong_padding(formula):
    """A wrong same_padding from its formula, for odd kernels."""

    def answer(kernel):
        if kernel % 2 == 0:
            raise ValueError("even")
        return formula(kernel)

    return answer


SAME_PADDING = Reference(
    answer=same_padding,
    like='torch.nn.functional.conv1d with padding="same"',
    terms=lambda output, index, kernel: f"({kernel} - 1) / 2",
    mistakes=(
        Mistake(
            "even_kernel_accepted",
            "An even kernel has no middle, so no padding keeps the size. Raise a ValueError for it.",
            (lambda kernel: (kernel - 1) // 2,),
        ),
        Mistake(
            "both_sides_together",
            "kernel - 1 is the padding of both sides together. Each side gets half of it.",
            (wrong_padding(lambda kernel: kernel - 1), lambda kernel: kernel - 1),
        ),
        Mistake(
            "fraction",
            "You divided with /, which gives a float. A padding is an int: divide with //.",
            (
                wrong_padding(lambda kernel: (kernel - 1) / 2),
                wrong_padding(lambda kernel: np.floor(kernel / 2)),
                lambda kernel: (kernel - 1) / 2,
            ),
        ),
        Mistake(
            "one_too_many",
            "One too many. A kernel of 3 needs a padding of 1, a kernel of 1 needs none.",
            (wrong_padding(lambda kernel: (kernel + 1) // 2), lambda kernel: (kernel + 1) // 2),
        ),
    ),
)

# zero_pad ---------------------------------------------------------------------------------------


@with_torch
def zero_pad(x, padding):
    return F.pad(x, (padding,) * 4)


def one_sided(before: int, after: int):
    """A padding of so many times `padding` above and left, below and right."""
    return with_torch(lambda x, padding: F.pad(x, (before * padding, after * padding) * 2))


def padded_to_a_square(x, padding):
    h, w = x.shape[-2:]
    out = np.zeros(x.shape[:-2] + (h + 2 * padding, h + 2 * padding), x.dtype)
    out[..., padding : padding + h, padding : padding + w] = x
    return out


def middle_by_negative_slice(x, padding):
    out = np.zeros(x.shape[:-2] + tuple(s + 2 * padding for s in x.shape[-2:]), x.dtype)
    out[..., padding:-padding, padding:-padding] = x
    return out


def for_four_axes(x, padding):
    n, c, h, w = x.shape
    return zero_pad(x, padding)


def for_two_axes(x, padding):
    h, w = x.shape
    return zero_pad(x, padding)


PRECISION = (
    "The dtype changed: float32 in must give float32 out, and float64 must give float64. "
    "np.zeros makes float64 unless you pass dtype=x.dtype."
)

ZERO_PAD = Reference(
    answer=zero_pad,
    like="torch.nn.functional.pad",
    mistakes=(
        Mistake(
            "all_axes",
            "You padded every axis, images and channels too. Only the last two get zeros.",
            (lambda x, padding: np.pad(x, padding),),
        ),
        Mistake(
            "one_side_only",
            "You padded one side of each axis. The zeros go around: above and below, left and right.",
            (one_sided(0, 1), one_sided(1, 0), one_sided(0, 2), one_sided(2, 0)),
        ),
        Mistake(
            "one_axis_only",
            "You padded one of the two axes. Height and width both get zeros.",
            (
                with_torch(lambda x, padding: F.pad(x, (0, 0, padding, padding))),
                with_torch(lambda x, padding: F.pad(x, (padding, padding, 0, 0))),
            ),
        ),
        Mistake(
            "height_for_width",
            "You used the height for the width. Square images hide that.",
            (padded_to_a_square,),
        ),
        Mistake(
            "edge_values",
            "You repeated the values at the edge. The frame is made of zeros.",
            tuple(
                lambda x, padding, mode=mode: np.pad(x, [(0, 0)] * (x.ndim - 2) + [(padding,) * 2] * 2, mode)
                for mode in ("edge", "reflect", "symmetric", "wrap")
            ),
        ),
        Mistake(
            "empty_slice_at_zero",
            "The slice p:-p is empty when p is 0. Write p : p + height instead.",
            (middle_by_negative_slice,),
        ),
        Mistake(
            "number_of_axes",
            "Your function works for one number of axes only. It should pad the last two of any number: "
            "use x.shape[-2:] and `...`.",
            (for_four_axes, for_two_axes),
        ),
        Mistake("precision", PRECISION, same_precision(zero_pad)),
    ),
)

# conv1d_forward ---------------------------------------------------------------------------------


def correlate1d(x, w, stride=1, padding=0):
    return F.conv1d(x[None, None], w[None, None], None, stride, padding)[0, 0]


@with_torch
def conv1d_forward(x, w, stride=1, padding=0):
    require_fit(x.shape, w.shape, padding)
    return correlate1d(x, w, stride, padding)


def conv1d_terms(output, index, x, w, stride=1, padding=0):
    start = index[0] * stride
    return products(np.pad(x, padding)[start : start + len(w)], w)


def bent1d(bend):
    """(answers, terms) of a conv1d that gets its arguments bent."""

    @with_torch
    def answer(x, w, stride=1, padding=0):
        require_fit(x.shape, w.shape, padding)
        return correlate1d(*bend(x, w, stride, padding))

    def terms(output, index, x, w, stride=1, padding=0):
        x, w, stride, padding = bend(torch.tensor(x), torch.tensor(w), stride, padding)
        return conv1d_terms(output, index, x.numpy(), w.numpy(), stride, padding)

    return answer, terms


def after1d(change):
    """A conv1d whose right result is changed: change(result, x, w, stride, padding)."""

    @with_torch
    def answer(x, w, stride=1, padding=0):
        require_fit(x.shape, w.shape, padding)
        return change(correlate1d(x, w, stride, padding), x, w, stride, padding)

    return answer


def guarded(right, fits):
    """A right function behind another guard; where nothing fits it gives an empty array."""

    def answer(x, w, *args, **keywords):
        sizes = tuple(zip(x.shape[2:] or x.shape, w.shape[2:] or w.shape))
        padding = keywords.get("padding", args[-1] if len(args) > 1 else 0)
        if not fits(sizes, padding):
            raise ValueError("the kernel does not fit")
        if any(kernel > size + 2 * padding for size, kernel in sizes):
            return np.zeros(x.shape[:-1] + (0,), x.dtype)
        return right(x, w, *args, **keywords)

    return answer


GUARD_NEVER_FIRES = "A kernel larger than the padded input has no place at all. Raise a ValueError for it."
GUARD_FORGETS_PADDING = (
    "You compared the kernel with the input before padding. It may be larger, if it fits the padded input."
)
GUARD_TOO_STRICT = "You refused a kernel that is just as large as the padded input. It has one place."
GUARD_HEIGHT_ONLY = "You looked at one side of the kernel only. Too wide is as bad as too tall: raise a ValueError too."


def guards(right, *, padded=True, flat=False):
    """The mistakes in the guard that convolutions share."""
    mistakes = [
        Mistake("guard_never_fires", GUARD_NEVER_FIRES, (guarded(right, lambda sizes, p: True),)),
        Mistake(
            "guard_too_strict",
            GUARD_TOO_STRICT,
            (
                guarded(right, lambda sizes, p: all(k < s + 2 * p for s, k in sizes)),
                guarded(right, lambda sizes, p: any(k < s + 2 * p for s, k in sizes)),
            ),
        ),
    ]
    if padded:
        fits = guarded(right, lambda sizes, p: all(k <= s for s, k in sizes))
        mistakes.append(Mistake("guard_forgets_padding", GUARD_FORGETS_PADDING, (fits,)))
    if not flat:
        ways = tuple(
            guarded(right, lambda sizes, p, axis=axis: sizes[axis][1] <= sizes[axis][0] + 2 * p) for axis in (0, 1)
        )
        mistakes.append(Mistake("guard_one_side_only", GUARD_HEIGHT_ONLY, ways))
    return tuple(mistakes)


def rounded_up(size: int, kernel: int, stride: int, padding: int) -> int:
    """Zeros to append so that the last step, cut off by the floor, counts."""
    return -(size + 2 * padding - kernel) % stride


def last_entry(w):
    """A kernel, or a set of them, with all entries 0 but the last of each kernel."""
    kept = torch.zeros_like(w)
    corner = (..., -1) if w.ndim == 1 else (..., -1, -1)
    kept[corner] = w[corner]
    return kept


rotated1d = bent1d(lambda x, w, stride, padding: (x, w.flip(0), stride, padding))
unpadded1d = bent1d(lambda x, w, stride, padding: (x, w, stride, 0))
unstrided1d = bent1d(lambda x, w, stride, padding: (x, w, 1, padding))

CONV1D = Reference(
    answer=conv1d_forward,
    like="torch.nn.functional.conv1d",
    terms=conv1d_terms,
    mistakes=(
        Mistake(
            "rotated_kernel",
            "You turned the kernel round. torch slides it as it is (cross-correlation); "
            "np.convolve and the textbooks' convolution turn it.",
            (rotated1d[0],),
            terms=rotated1d[1],
        ),
        Mistake(
            "stride_ignored",
            "You left out the stride in the window's place: output i begins at i·stride.",
            (
                unstrided1d[0],
                after1d(lambda out, x, w, stride, padding: correlate1d(x, w, 1, padding)[: len(out)]),
            ),
            terms=unstrided1d[1],
        ),
        Mistake(
            "padding_ignored",
            "You left out the padding.",
            (unpadded1d[0], lambda x, w, stride=1, padding=0: conv1d_forward(x, w, stride)),
            terms=unpadded1d[1],
        ),
        Mistake(
            "one_side_only",
            "You padded one side only. The zeros go left and right.",
            tuple(
                bent1d(lambda x, w, t, p, left=left, right=right: (F.pad(x, (left * p, right * p)), w, t, 0))[0]
                for left, right in ((0, 1), (1, 0), (0, 2), (2, 0))
            ),
        ),
        Mistake(
            "last_place_missing",
            "You left out the last place of the kernel. There are size − kernel + 1 places at stride 1.",
            (after1d(lambda out, *_: out[:-1]), after1d(lambda out, *_: F.pad(out[:-1], (0, 1)))),
        ),
        Mistake(
            "rounded_up",
            "You rounded the size up. A last step that is not whole does not count: torch rounds down.",
            (
                bent1d(
                    lambda x, w, t, p: (F.pad(x, (p, p + rounded_up(len(x), len(w), t, p))), w, t, 0)
                )[0],
            ),
        ),
        Mistake(
            "averaged",
            "You took the mean of the products. A convolution is their sum.",
            (after1d(lambda out, x, w, *_: out / len(w)),),
        ),
        Mistake(
            "last_term_only",
            "Only the last product of each window is left: each one overwrote the one before. Add them up: +=, not =.",
            (bent1d(lambda x, w, t, p: (x, last_entry(w), t, p))[0],),
        ),
        Mistake("precision", PRECISION, same_precision(conv1d_forward)),
        *guards(conv1d_forward, flat=True),
    ),
)

# conv2d_forward, and corr2d as its smallest part ---------------------------------------------------


@with_torch
def conv2d_forward(x, w, b=None, stride=1, padding=0):
    require_fit(x.shape[2:], w.shape[2:], padding)
    return F.conv2d(x, w, b, stride, padding)


def conv2d_terms(output, index, x, w, b=None, stride=1, padding=0):
    n, f, i, j = index
    kh, kw = w.shape[2:]
    padded = np.pad(x, [(0, 0), (0, 0), (padding,) * 2, (padding,) * 2])
    window = padded[n, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
    return products(window, w[f]) + ("" if b is None else f" + {factor(b[f].item())}")


def bent2d(bend):
    """(answers, terms) of a conv2d that gets its arguments bent."""

    @with_torch
    def answer(x, w, b=None, stride=1, padding=0):
        require_fit(x.shape[2:], w.shape[2:], padding)
        return F.conv2d(*bend(x, w, b, stride, padding))

    def terms(output, index, x, w, b=None, stride=1, padding=0):
        tensors = [None if array is None else torch.tensor(array) for array in (x, w, b)]
        x, w, b, stride, padding = bend(*tensors, stride, padding)
        return conv2d_terms(output, index, x.numpy(), w.numpy(), b if b is None else b.numpy(), stride, padding)

    return answer, terms


def after2d(change):
    """A conv2d whose right result is changed: change(result, x, w, b, stride, padding)."""

    @with_torch
    def answer(x, w, b=None, stride=1, padding=0):
        require_fit(x.shape[2:], w.shape[2:], padding)
        return change(F.conv2d(x, w, b, stride, padding), x, w, b, stride, padding)

    return answer


def other_bias(add):
    """A conv2d that adds its bias in a way of its own: add(result without bias, b, x)."""

    def change(out, x, w, b, stride, padding):
        return out if b is None else add(out - b[:, None, None], b, x)

    return after2d(change)


def by_image(out, x, w, b, stride, padding):
    """b[n] for b[f]: out of range where there are more images than filters."""
    if b is None:
        return out
    if len(x) > len(b):
        raise IndexError("index is out of bounds")
    return out - b[:, None, None] + b[: len(x), None, None, None]


def bias_indexed_by_pixel(out, b, x):
    raise IndexError("too many indices for array: array is 1-dimensional, but 3 were indexed")


def broadcast_or_complain(out, b):
    """`out + b` as NumPy does it: a ValueError where the shapes do not fit."""
    return torch.from_numpy(out.numpy() + b.numpy())


def other_size(claim, way: str):
    """A conv2d that takes its own word for the size of the result.

    claim: (h, kh, w, kw) -> ((h, kh), (w, kw)), the sizes used for the height and the width.
    way: how the code goes on. "slices" and "scalars" loop over the claimed places, and beyond the edge
    slices get shorter while indices fail; "storage" has only its array of the claimed size.
    """

    def change(out, x, w, b, stride, padding):
        claimed = claim(x.shape[2], w.shape[2], x.shape[3], w.shape[3])
        oh, ow = (max(0, (s + 2 * padding - k) // stride + 1) for s, k in claimed)
        if way == "slices":
            return by_slices(F.pad(x, (padding,) * 4).numpy(), w.numpy(), b, stride, oh, ow)
        too_many = oh > out.shape[2] or ow > out.shape[3]
        too_few = oh < out.shape[2] or ow < out.shape[3]
        if too_few if way == "storage" else too_many:
            raise IndexError("index is out of bounds")
        return F.pad(out, (0, ow - out.shape[3], 0, oh - out.shape[2]))

    return after2d(change)


def by_slices(padded, w, b, stride, oh, ow):
    """The lab's own loops in NumPy, over a size that may be wrong: what a slice beyond the edge does, happens."""
    kh, kw = w.shape[2:]
    out = np.zeros((len(padded), len(w), oh, ow), padded.dtype)
    for n, i, j in np.ndindex(len(padded), oh, ow):
        window = padded[n, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
        out[n, :, i, j] = (window * w).sum((1, 2, 3))
    return out if b is None else out + b.numpy()[:, None, None]


def all_ways(*claims):
    return tuple(other_size(claim, way) for claim in claims for way in ("slices", "scalars", "storage"))


def kernel_columns_as_rows(x, w, b, stride, padding):
    """Only the first KH columns of the kernel are used."""
    kh, kw = w.shape[2:]
    if kh > kw:
        raise IndexError("index is out of bounds")
    used = torch.zeros_like(w)
    used[..., :kh] = w[..., :kh]
    return x, used, b, stride, padding


def kernel_rows_as_columns(x, w, b, stride, padding):
    """Only the first KW rows of the kernel are used."""
    kh, kw = w.shape[2:]
    if kw > kh:
        raise IndexError("index is out of bounds")
    used = torch.zeros_like(w)
    used[..., :kw, :] = w[..., :kw, :]
    return x, used, b, stride, padding


def square_kernels_only(x, w, b, stride, padding):
    if w.shape[2] != w.shape[3]:
        raise ValueError("operands could not be broadcast together")
    return x, w, b, stride, padding


def transposed(x, w, b, stride, padding):
    return x, w.transpose(2, 3), b, stride, padding


def transposed_by_index(x, w, b, stride, padding):
    """w[f, c, v, u] for w[f, c, u, v]: out of range unless the kernel is square."""
    if w.shape[2] != w.shape[3]:
        raise IndexError("index is out of bounds")
    return transposed(x, w, b, stride, padding)


def filters_for_channels(x, w, b, stride, padding):
    """w[c, f] for w[f, c]: out of range unless there are as many filters as channels."""
    if w.shape[0] != w.shape[1]:
        raise IndexError("index is out of bounds")
    return x, w.transpose(0, 1), b, stride, padding


def half_stride(axis: int):
    return bent2d(lambda x, w, b, t, p: (x, w, b, (t, 1) if axis == 0 else (1, t), p))


def bent_padding(*pads):
    """Spellings with paddings of (left, right, above, below) times p."""
    return tuple(
        bent2d(lambda x, w, b, t, p, pad=pad: (F.pad(x, tuple(side * p for side in pad)), w, b, t, 0))[0]
        for pad in pads
    )


def edge_padding(mode):
    def bend(x, w, b, t, p):
        return F.pad(x, (p,) * 4, mode) if p else x, w, b, t, 0

    return bent2d(bend)[0]


def ceiling(x, w, b, t, p):
    below, right = (rounded_up(s, k, t, p) for s, k in zip(x.shape[2:], w.shape[2:]))
    return F.pad(x, (p, p + right, p, p + below)), w, b, t, 0


def transposed_in_place(out, *_):
    """out[j, i] written into an array of the right shape: out of range unless that is square."""
    if out.shape[2] != out.shape[3]:
        raise IndexError("index is out of bounds")
    return out.transpose(2, 3)


def only_first(out):
    """The first image's result, zeros for the others."""
    kept = torch.zeros_like(out)
    kept[0] = out[0]
    return kept


rotated2d = bent2d(lambda x, w, b, t, p: (x, w.flip(2, 3), b, t, p))
unpadded2d = bent2d(lambda x, w, b, t, p: (x, w, b, t, 0))
unstrided2d = bent2d(lambda x, w, b, t, p: (x, w, b, 1, p))
transposed2d = bent2d(transposed)
one_channel = bent2d(lambda x, w, b, t, p: (x[:, :1], w[:, :1], b, t, p))
last_channel = bent2d(lambda x, w, b, t, p: (x[:, -1:], w[:, -1:], b, t, p))
one_filter = bent2d(lambda x, w, b, t, p: (x, w[:1].expand_as(w), b, t, p))
no_bias = bent2d(lambda x, w, b, t, p: (x, w, None, t, p))

ROTATED = (
    "You rotated the kernel by 180°. torch slides the kernel as it is (cross-correlation); "
    "a true convolution rotates it."
)
MIRRORED = "You mirrored the kernel along one axis. torch slides the kernel as it is."
TRANSPOSED = "You transposed the kernel: its rows became columns."
HEIGHT = "You used the height where the width belongs, or the other way round. Square images and kernels hide that."
KERNEL_HEIGHT = (
    "You used the kernel's height where its width belongs, or the other way round. Square kernels hide that."
)
LAST_PLACE = "You left out the last row and column of places. There are H − KH + 1 and W − KW + 1 at stride 1."
LAST_TERM = "Only the last product of each window is left: each one overwrote the one before. Add them up: +=, not =."
AVERAGED = "You took the mean of the products. A convolution is their sum."


def geometry():
    """The mistakes with kernel and sizes that one plane and a batch of images share."""
    return (
        Mistake("rotated_kernel", ROTATED, rotated2d[:1], terms=rotated2d[1]),
        Mistake(
            "mirrored_kernel",
            MIRRORED,
            tuple(bent2d(lambda x, w, b, t, p, axis=axis: (x, w.flip(axis), b, t, p))[0] for axis in (2, 3)),
        ),
        Mistake(
            "transposed_kernel",
            TRANSPOSED,
            (transposed2d[0], bent2d(transposed_by_index)[0]),
            terms=transposed2d[1],
        ),
        Mistake(
            "height_for_width",
            HEIGHT,
            all_ways(
                lambda h, kh, w, kw: ((h, kh), (h, kh)),
                lambda h, kh, w, kw: ((h, kh), (h, kw)),
                lambda h, kh, w, kw: ((w, kw), (w, kw)),
                lambda h, kh, w, kw: ((w, kh), (w, kw)),
                lambda h, kh, w, kw: ((w, kw), (h, kh)),
                lambda h, kh, w, kw: ((w, kh), (h, kw)),
            ),
        ),
        Mistake(
            "kernel_height_for_width",
            KERNEL_HEIGHT,
            (
                bent2d(square_kernels_only)[0],
                bent2d(kernel_columns_as_rows)[0],
                bent2d(kernel_rows_as_columns)[0],
                *all_ways(
                    lambda h, kh, w, kw: ((h, kh), (w, kh)),
                    lambda h, kh, w, kw: ((h, kw), (w, kw)),
                    lambda h, kh, w, kw: ((h, kw), (w, kh)),
                ),
            ),
        ),
        Mistake(
            "last_place_missing",
            LAST_PLACE,
            (
                after2d(lambda out, *_: out[:, :, :-1, :-1]),
                after2d(lambda out, *_: F.pad(out[:, :, :-1, :-1], (0, 1, 0, 1))),
            ),
        ),
        Mistake("last_term_only", LAST_TERM, (bent2d(lambda x, w, b, t, p: (x, last_entry(w), b, t, p))[0],)),
        Mistake(
            "output_transposed",
            "Rows and columns of the result are exchanged. Row i comes from the image's rows: out[i, j], not out[j, i].",
            (after2d(lambda out, *_: out.transpose(2, 3)), after2d(transposed_in_place)),
        ),
        Mistake(
            "averaged",
            AVERAGED,
            (
                bent2d(lambda x, w, b, t, p: (x, w / w[0].numel(), b, t, p))[0],
                bent2d(lambda x, w, b, t, p: (x, w / w[0, 0].numel(), b, t, p))[0],
            ),
        ),
    )


CONV2D = Reference(
    answer=conv2d_forward,
    like="torch.nn.functional.conv2d",
    terms=conv2d_terms,
    mistakes=(
        *geometry(),
        Mistake(
            "one_channel_only",
            "Only one channel counts in your result. Sum over all channels: += over c, not =.",
            (
                one_channel[0],
                last_channel[0],
                bent2d(lambda x, w, b, t, p: (x[:, :1].expand_as(x), w, b, t, p))[0],
                bent2d(lambda x, w, b, t, p: (x, w[:, :1].expand_as(w), b, t, p))[0],
            ),
            terms=one_channel[1],
        ),
        Mistake(
            "filters_for_channels",
            "You took filters for channels: w has the shape (F, C, KH, KW), so it is w[f, c], not w[c, f].",
            (bent2d(filters_for_channels)[0],),
        ),
        Mistake(
            "one_image_only",
            "Only the first image is right. Loop over all N images.",
            (
                after2d(lambda out, *_: only_first(out)),
                after2d(lambda out, *_: out[:1].expand_as(out)),
                after2d(lambda out, *_: out[:1]),
                after2d(lambda out, *_: out[0]),
            ),
        ),
        Mistake(
            "one_filter_only",
            "Every filter uses the weights of the first one. Filter f has its own: w[f].",
            one_filter[:1],
            terms=one_filter[1],
        ),
        Mistake(
            "stride_ignored",
            "You left out the stride. The window of out[n, f, i, j] begins at row i·stride and column j·stride.",
            (
                unstrided2d[0],
                after2d(
                    lambda out, x, w, b, t, p: F.conv2d(x, w, b, 1, p)[:, :, : out.shape[2], : out.shape[3]]
                ),
            ),
            terms=unstrided2d[1],
        ),
        Mistake(
            "stride_one_way",
            "You used the stride in one direction only. It holds for rows and for columns.",
            (
                half_stride(0)[0],
                half_stride(1)[0],
                after2d(lambda out, x, w, b, t, p: F.conv2d(x, w, b, (t, 1), p)[..., : out.shape[3]]),
                after2d(lambda out, x, w, b, t, p: F.conv2d(x, w, b, (1, t), p)[:, :, : out.shape[2]]),
            ),
        ),
        Mistake(
            "rounded_up",
            "You rounded the size up. A last step that is not whole does not count: torch rounds down.",
            (bent2d(ceiling)[0],),
        ),
        Mistake(
            "padding_ignored",
            "You left out the padding.",
            (unpadded2d[0], lambda x, w, b=None, stride=1, padding=0: conv2d_forward(x, w, b, stride)),
            terms=unpadded2d[1],
        ),
        Mistake(
            "one_side_only",
            "You padded one side of each axis. The zeros go around: above and below, left and right.",
            bent_padding((0, 1, 0, 1), (1, 0, 1, 0), (0, 2, 0, 2), (2, 0, 2, 0)),
        ),
        Mistake(
            "one_axis_only",
            "You padded one of the two axes. Height and width both get zeros.",
            bent_padding((1, 1, 0, 0), (0, 0, 1, 1)),
        ),
        Mistake(
            "edge_values",
            "You padded with the values at the edge. The frame is made of zeros.",
            (edge_padding("replicate"), edge_padding("circular"), edge_padding("reflect")),
        ),
        Mistake(
            "all_axes",
            "You padded every axis, images and channels too. Only height and width get zeros.",
            (
                bent2d(lambda x, w, b, t, p: (F.pad(x, (p,) * 8)[: len(x), : x.shape[1]], w, b, t, 0))[0],
                bent2d(lambda x, w, b, t, p: (F.pad(x, (p,) * 8), w, b, t, 0))[0],
            ),
        ),
        Mistake("bias_ignored", "You left out the bias.", no_bias[:1], terms=no_bias[1]),
        Mistake(
            "bias_per_pixel",
            "You gave every pixel a bias of its own. There is one bias a filter, the same at all pixels: b[f].",
            (
                other_bias(bias_indexed_by_pixel),
                other_bias(lambda out, b, x: out + torch.from_numpy(np.resize(b.numpy(), out.shape[2:]))),
                other_bias(lambda out, b, x: out + torch.from_numpy(np.resize(b.numpy(), out.shape[1:]))),
            ),
        ),
        Mistake(
            "bias_along_width",
            "You added b to the last axis, so each column or row got a bias. It belongs to the filters: b[:, None, None].",
            (
                other_bias(lambda out, b, x: broadcast_or_complain(out, b)),
                other_bias(lambda out, b, x: broadcast_or_complain(out, b[:, None])),
            ),
        ),
        Mistake(
            "bias_per_term",
            "You added the bias more than once to a pixel. Add it once, after the sum over channels and window.",
            (
                other_bias(lambda out, b, x: out + x.shape[1] * b[:, None, None]),
                after2d(lambda out, x, w, b, *_: out if b is None else out + (w[0].numel() - 1) * b[:, None, None]),
                after2d(lambda out, x, w, b, *_: out if b is None else out + (w[0, 0].numel() - 1) * b[:, None, None]),
            ),
        ),
        Mistake(
            "first_bias_only",
            "Every filter got the bias of the first one. Filter f has its own: b[f].",
            (other_bias(lambda out, b, x: out + b[0]),),
        ),
        Mistake(
            "bias_per_image",
            "You took b[n], a bias for each image. A bias belongs to a filter: b[f].",
            (after2d(by_image),),
        ),
        Mistake(
            "bias_required",
            "Your function needs a bias, but b may be None. Add it only `if b is not None`.",
            (
                lambda x, w, b=None, stride=1, padding=0: conv2d_forward(x, w, b[:], stride, padding),
                lambda x, w, b=None, stride=1, padding=0: conv2d_forward(x, w, b.copy(), stride, padding),
            ),
        ),
        Mistake(
            "truth_of_an_array",
            "`if b:` asks a whole array whether it is true, and NumPy refuses. Write `if b is not None:`.",
            (lambda x, w, b=None, stride=1, padding=0: conv2d_forward(x, w, b if b else None, stride, padding),),
        ),
        Mistake(
            "bias_subtracted",
            "You subtracted the bias. Add it.",
            (other_bias(lambda out, b, x: out - b[:, None, None]),),
        ),
        Mistake(
            "axis_lost",
            "You lost an axis of length 1. The result always has four axes, (N, F, OH, OW).",
            (lambda *args, **keywords: conv2d_forward(*args, **keywords).squeeze(),),
        ),
        Mistake("precision", PRECISION, same_precision(conv2d_forward)),
        *guards(conv2d_forward),
    ),
)


def on_a_plane(answer):
    """A function of (x, w) with four axes each as a function of one plane and one kernel."""
    return lambda image, kernel: answer(image[None, None], kernel[None, None])[0, 0]


corr2d = on_a_plane(conv2d_forward)


def plane_terms(terms):
    """The terms of conv2d_forward for one plane and one kernel."""
    if terms is None:
        return None
    return lambda output, index, image, kernel: terms(
        output, (0, 0, *index), image[None, None], kernel[None, None]
    )


CORR2D = Reference(
    answer=corr2d,
    like="torch.nn.functional.conv2d with one image, one channel and one filter",
    terms=plane_terms(conv2d_terms),
    mistakes=(
        *(
            Mistake(m.name, m.sentence, tuple(map(on_a_plane, m.answers)), None, plane_terms(m.terms))
            for m in geometry()
        ),
        Mistake("precision", PRECISION, same_precision(corr2d)),
        *(
            Mistake(m.name, m.sentence.replace("padded input", "image"), tuple(map(on_a_plane, m.answers)))
            for m in guards(conv2d_forward, padded=False)
        ),
    ),
)


REFERENCES = {
    "output_size": OUTPUT_SIZE,
    "same_padding": SAME_PADDING,
    "zero_pad": ZERO_PAD,
    "conv1d_forward": CONV1D,
    "corr2d": CORR2D,
    "conv2d_forward": CONV2D,
}
