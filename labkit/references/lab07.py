"""Lab 7, im2col and speed: what is true, by torch, and the known ways to be wrong."""

import numpy as np
import torch
import torch.nn.functional as F

from labkit.references.reference import Mistake, Reference, with_torch
from labkit.references.shared import factor, products, require_fit, same_precision

PRECISION = (
    "The dtype changed: float32 in must give float32 out, and float64 must give float64. "
    "np.zeros makes float64 unless you pass dtype=…"
)
RESHAPE = (
    "You used reshape where axes have to change places. reshape keeps the order of the numbers and cuts it anew; "
    "transpose moves axes. Bring the axes into the right order first, and only then join them with reshape."
)
ROWS = (
    "Your rows are in another order than torch's. Row by row it goes through the channels, within a channel through the "
    "window's rows, within those through its columns: (c, u, v)."
)
WINDOW_TRANSPOSED = "You went through the window column by column. Rows come first: (c, u, v), not (c, v, u)."
COLUMNS = (
    "Your columns are in another order than torch's. The places go along the first row of places, then along the second: "
    "place (i, j) is column i · OW + j."
)
BATCH = (
    "Images are mixed up. The result has an axis of its own for them, the first one: (N, C·kh·kw, L). "
    "Image n fills cols[n] and nothing else."
)
BACKWARDS = "You went through the window backwards, which rotates it by 180°. It is taken as it stands."
STRIDE = "You left out the stride: place (i, j) begins at row i·stride and column j·stride."
STRIDE_ONE_WAY = "You used the stride in one direction only. It holds for rows and for columns."
SIDE_BY_SIDE = "You put the windows side by side, as pooling does. They are stride apart, and may overlap."
PADDING = "You left out the padding."
ONE_SIDE = "You padded one side of each axis. The zeros go around: above and below, left and right."
ONE_AXIS = "You padded one of the two axes. Height and width both get zeros."
EDGE = "You padded with the values at the edge. The frame is made of zeros."
OWN_PADDING = "You padded by half of the window. The padding is the number that is given, and 0 without one."
HEIGHT = "You used the height where the width belongs, or the other way round. Square images and windows hide that."
STOP = (
    "Your slice holds the wrong number of places. It begins at u and stops at u + stride · OH, in steps of stride. "
    "Across, the same holds for v and OW."
)
KERNEL_HEIGHT = (
    "You used the window's height where its width belongs, or the other way round. Square windows hide that."
)
LAST_PLACE = "You left out the last row and column of places. There are H − kh + 1 and W − kw + 1 at stride 1."
ROUNDED_UP = "You rounded the number of places up. A last step that is not whole does not count: torch rounds down."
ONE_IMAGE = "Only one image is right. All N images count."
ONE_CHANNEL = "Only one channel is right. All C channels count."
AXIS_LOST = "You lost an axis of length 1. The number of axes is always the same."
MEMORY = (
    "You took x for an array that is stored row by row. Strides that one computes from the shape alone are wrong for "
    "others: use x.strides, sliding_window_view or slices."
)
NOT_CROPPED = "You left the padding on. What was added to the zeros around the image is cut off at the end."
EMPTY_SLICE = "The slice p:-p is empty when p is 0. Write p : p + H instead."
ONE_END = "You cut the padding off at one end only. It stands on both: keep p : p + H and p : p + W."
OVERWRITTEN = (
    "Where windows overlap, only the last number is left: each one overwrote the one before. Add them up: +=, not =. "
    "(x[rows, columns] += y with lists of indices adds a pixel that comes twice only once.)"
)
AVERAGED = "You divided by the number of windows that touch a pixel. What meets in a pixel is added, not averaged."
LEFT_OVER = (
    "Your result ends with the last window. Rows and columns that no window touched are there too, and they are 0: "
    "the shape is that of x."
)

LEFT_OVER_OF_ONE_AXIS = (
    "Rows left over and columns left over are two numbers, and they may differ. One comes from H and kh, the other from "
    "W and kw."
)
LEFT_OVER_CUT = (
    "You cut off what is left over before padding. It is left over in the padded images: pad first, and cut there if at all."
)
LEFT_OVER_ADDED = (
    "You cut the padding off what the windows touched, and put zeros beside it afterwards. Rows and columns left over "
    "lie in the padded images: add into their full size, then cut."
)
EXCHANGED = (
    "You exchanged stride and padding. The stride comes first, then the padding. The other way round, a padding of 0 is a "
    "step of 0."
)
REUSED = (
    "A later call overwrote what an earlier one had returned: you keep an array between calls. Make a new one in every "
    "call, inside the function."
)


def sizes(shape, kh: int, kw: int, stride: int, padding: int) -> tuple[int, int]:
    """Places down and across."""
    down, across = ((s + 2 * padding - k) // stride + 1 for s, k in zip(shape[2:], (kh, kw)))
    return down, across


def left_over(size: int, kernel: int, stride: int, padding: int) -> int:
    """Entries at the end that no window reaches."""
    return (size + 2 * padding - kernel) % stride


def rests(shape, kernel, stride: int, padding: int) -> tuple[int, int]:
    """Rows and columns that no window reaches."""
    below, right = (left_over(s, k, stride, padding) for s, k in zip(shape[2:], kernel))
    return below, right


# What one may take for (rows, columns) left over.
TAKEN_FOR_BOTH = (lambda below, right: (right, right), lambda below, right: (below, below))


def fewer(taken, shape, kernel, stride, padding) -> list[int]:
    """Places down and across where the rows and columns left over are `taken` for others."""
    ours = taken(*rests(shape, kernel, stride, padding))
    return [(s + 2 * padding - k - rest) // stride + 1 for s, k, rest in zip(shape[2:], kernel, ours)]


# Whether a number of places that is rounded to the nearest goes up: somewhere, across, down.
ROUNDINGS = (any, lambda up: up[1], lambda up: up[0])


def goes_up(where, shape, kernel, stride, padding) -> bool:
    steps = [(s + 2 * padding - k) / stride for s, k in zip(shape[2:], kernel)]
    return where([round(one) > one for one in steps])


def trimmed(x, kernel, stride, padding, down=True, across=True):
    """Images without the rows and columns that are left over once they are padded."""
    below, right = rests(x.shape, kernel, stride, padding)
    return x[:, :, : max(0, x.shape[2] - below * down), : max(0, x.shape[3] - right * across)]


TRIMS = ({}, {"across": False}, {"down": False})


def reused(right):
    """The result in an array that is made once, and filled anew in every call."""
    made = {}

    def answer(*args, **keywords):
        result = right(*args, **keywords)
        key = result.shape, result.dtype
        made.setdefault(key, np.empty_like(result))[...] = result
        return made[key]

    return answer


def guarded(right, fits):
    """A right function behind another guard: fits(((H, kh), (W, kw)), padding). Where nothing fits, an empty array."""

    def answer(x, *args, stride=1, padding=0, **keywords):
        window = [*args, *(keywords[name] for name in ("kh", "kw") if name in keywords)]
        kernel = window[0].shape[2:] if isinstance(window[0], np.ndarray) else window[:2]
        ours = tuple(zip(x.shape[2:], kernel))
        if not fits(ours, padding):
            raise ValueError("the window does not fit")
        if any(k > s + 2 * padding for s, k in ours):
            return np.zeros((len(x), 0), x.dtype)
        return right(x, *args, stride=stride, padding=padding, **keywords)

    return answer


def guards(right, taking):
    """The mistakes in a guard; `taking` gives an answer the exercise's own signature."""
    one_side = tuple(
        taking(guarded(right, lambda ours, p, axis=axis: ours[axis][1] <= ours[axis][0] + 2 * p)) for axis in (0, 1)
    )
    def exchanged(ours, p):
        (h, kh), (w, kw) = ours
        return kh <= w + 2 * p and kw <= h + 2 * p

    return (
        Mistake(
            "guard_exchanged",
            "You refused a window that fits: compare kh with the height, kw with the width.",
            (
                taking(guarded(right, exchanged)),
                taking(guarded(right, lambda ours, p: exchanged(ours, p) and all(k <= s + 2 * p for s, k in ours))),
            ),
        ),
        Mistake(
            "guard_never_fires",
            "A window larger than the padded images has no place at all. Raise a ValueError for it.",
            (taking(guarded(right, lambda ours, p: True)),),
        ),
        Mistake(
            "guard_too_strict",
            "You refused a window that is just as large as the padded images. It has one place.",
            (
                taking(guarded(right, lambda ours, p: all(k < s + 2 * p for s, k in ours))),
                taking(guarded(right, lambda ours, p: any(k < s + 2 * p for s, k in ours))),
            ),
        ),
        Mistake(
            "guard_forgets_padding",
            "You refused a window that fits the padded images. The padding lies on both sides: compare with H + 2 · padding "
            "and W + 2 · padding.",
            (
                taking(guarded(right, lambda ours, p: all(k <= s for s, k in ours))),
                taking(guarded(right, lambda ours, p: all(k <= s + p for s, k in ours))),
                taking(guarded(right, lambda ours, p: all(k <= s + n * p for (s, k), n in zip(ours, (2, 1))))),
                taking(guarded(right, lambda ours, p: all(k <= s + n * p for (s, k), n in zip(ours, (1, 2))))),
            ),
        ),
        Mistake(
            "guard_one_side_only",
            "You looked at one side of the window only. Too wide is as bad as too tall: raise a ValueError too.",
            one_side,
        ),
    )


# im2col -----------------------------------------------------------------------------------------


@with_torch
def im2col(x, kh, kw, stride=1, padding=0):
    require_fit(x.shape[2:], (kh, kw), padding)
    return F.unfold(x, (kh, kw), padding=padding, stride=stride)


def im2col_terms(output, index, x, kh, kw, stride=1, padding=0):
    """Which pixel stands in the entry."""
    n, row, column = index
    c, u, v = np.unravel_index(row, (x.shape[1], kh, kw))
    i, j = np.unravel_index(column, sizes(x.shape, kh, kw, stride, padding))
    i, j = (int(one) for one in (i * stride + u - padding, j * stride + v - padding))
    inside = 0 <= i < x.shape[2] and 0 <= j < x.shape[3]
    return f"x[{n}, {c}, {i}, {j}]" if inside else "a zero of the padding"


def windows_of(x, kh, kw, stride, padding):
    """All windows with the axes (N, C, kh, kw, OH, OW)."""
    down, across = sizes(x.shape, kh, kw, stride, padding)
    return F.unfold(x, (kh, kw), padding=padding, stride=stride).reshape(*x.shape[:2], kh, kw, down, across)


def arranged(*changes):
    """Spellings of an im2col that arranges the right windows in ways of its own: change(windows) -> result."""

    def spelling(change):
        @with_torch
        def answer(x, kh, kw, stride=1, padding=0):
            require_fit(x.shape[2:], (kh, kw), padding)
            return change(windows_of(x, kh, kw, stride, padding)).contiguous()

        return answer

    return tuple(map(spelling, changes))


def joined(windows):
    """(N, C, kh, kw, OH, OW), in whatever order these are, to (N, C·kh·kw, OH·OW) by reshape alone."""
    n, *inner, down, across = windows.shape
    return windows.reshape(n, -1, down * across)


def shaped(windows, like):
    """The numbers of `windows` in their order, cut into the shape that im2col should have."""
    return windows.reshape(joined(like).shape)


def misread(*bends):
    """Spellings of an im2col that reads the images in ways of its own: bend(x, kh, kw, stride, padding) -> the same."""

    def spelling(bend):
        @with_torch
        def answer(x, kh, kw, stride=1, padding=0):
            require_fit(x.shape[2:], (kh, kw), padding)
            x, kh, kw, stride, padding = bend(x, kh, kw, stride, padding)
            return F.unfold(x, (kh, kw), padding=padding, stride=stride)

        return answer

    return tuple(map(spelling, bends))


def side_padding(*sides):
    """Bends that pad (left, right, above, below) times p."""
    return tuple(
        lambda x, kh, kw, t, p, side=side: (F.pad(x, tuple(one * p for one in side)), kh, kw, t, 0) for side in sides
    )


def edge_padding(mode):
    return lambda x, kh, kw, t, p: (F.pad(x, (p,) * 4, mode) if p else x, kh, kw, t, 0)


def longer(x, kh, kw, t, p):
    """Zeros appended so that the last step, cut off by the floor, counts."""
    below, right = (-left_over(s, k, t, p) % t for s, k in zip(x.shape[2:], (kh, kw)))
    return F.pad(x, (p, p + right, p, p + below)), kh, kw, t, 0


def own_size(claim, fill: bool):
    """An im2col with a size of its own for the places. claim(h, w, kh, kw) -> ((h, kh), (w, kw)) for down and across.

    Slices that end beyond the edge get shorter and then fit no longer; `fill`: lists of indices fail beyond the edge,
    and leave places out before it.
    """

    @with_torch
    def answer(x, kh, kw, stride=1, padding=0):
        require_fit(x.shape[2:], (kh, kw), padding)
        right = windows_of(x, kh, kw, stride, padding)
        ours = [max(0, (s + 2 * padding - k) // stride + 1) for s, k in claim(*x.shape[2:], kh, kw)]
        if any(mine > true for mine, true in zip(ours, right.shape[4:])):
            raise IndexError("index is out of bounds") if fill else ValueError("could not broadcast input array")
        return joined(right[..., : ours[0], : ours[1]])

    return answer


def own_sizes(*claims):
    return tuple(own_size(claim, fill) for claim in claims for fill in (False, True))


# The slice of entry u, for n places in steps of t, with another stop or without the step.
OTHER_STOPS = (
    lambda u, n, t: slice(u, n * t, t),
    lambda u, n, t: slice(u, u + n, t),
    lambda u, n, t: slice(u, None, t),
    lambda u, n, t: slice(u, u + (n - 1) * t, t),
    lambda u, n, t: slice(u, u + n * t),
)


def other_stop(cut, fill: bool):
    """An im2col with slices of another length; `fill`: into an array that is there (one place then fills many)."""

    def answer(x, kh, kw, stride=1, padding=0):
        require_fit(x.shape[2:], (kh, kw), padding)
        image = np.pad(x, [(0, 0), (0, 0), (padding,) * 2, (padding,) * 2])
        down, across = sizes(x.shape, kh, kw, stride, padding)
        parts = [image[:, :, cut(u, down, stride), cut(v, across, stride)] for u, v in np.ndindex(kh, kw)]
        if fill:
            whole = np.zeros((*x.shape[:2], kh * kw, down, across), x.dtype)
            for k, part in enumerate(parts):
                whole[:, :, k] = part
        else:
            whole = np.stack(parts, axis=2)
        return whole.reshape(len(x), -1, down * across)

    return answer


def adding_to_other_stop(cut):
    """A col2im with slices of another length."""

    def answer(cols, x_shape, kh, kw, stride=1, padding=0):
        n, c, h, w = x_shape
        down, across = sizes(x_shape, kh, kw, stride, padding)
        parts = cols.reshape(n, c, kh, kw, down, across)
        image = np.zeros((n, c, h + 2 * padding, w + 2 * padding), cols.dtype)
        for u, v in np.ndindex(kh, kw):
            image[:, :, cut(u, down, stride), cut(v, across, stride)] += parts[:, :, u, v]
        return image[:, :, padding : padding + h, padding : padding + w]

    return answer


def as_if_by_rows(x, kh, kw, stride=1, padding=0):
    """What as_strided sees with strides that were computed from the shape."""
    return im2col(x.ravel(order="K").reshape(x.shape), kh, kw, stride, padding)


def only(axis: int, entry: int):
    """The windows of one image or one channel, zeros for the others."""

    def change(windows):
        kept = torch.zeros_like(windows)
        place = (slice(None),) * axis + (entry,)
        kept[place] = windows[place]
        return joined(kept)

    return change


def repeated(axis: int):
    return lambda windows: joined(windows.narrow(axis, 0, 1).expand_as(windows))


ANOTHER_SIZE = (
    lambda h, w, kh, kw: ((h, kh), (h, kh)),
    lambda h, w, kh, kw: ((h, kh), (h, kw)),
    lambda h, w, kh, kw: ((w, kw), (w, kw)),
    lambda h, w, kh, kw: ((w, kh), (w, kw)),
    lambda h, w, kh, kw: ((w, kw), (h, kh)),
    lambda h, w, kh, kw: ((w, kh), (h, kw)),
)
ANOTHER_KERNEL = (
    lambda h, w, kh, kw: ((h, kh), (w, kh)),
    lambda h, w, kh, kw: ((h, kw), (w, kw)),
    lambda h, w, kh, kw: ((h, kw), (w, kh)),
)


def rounding(where):
    """An im2col whose slices are shorter than its array, for the number of places was rounded to the nearest."""

    def answer(x, kh, kw, stride=1, padding=0):
        right = im2col(x, kh, kw, stride, padding)
        return refuse_if(goes_up(where, x.shape, (kh, kw), stride, padding), right)

    return answer


def cut_to_fewer(taken):
    """An im2col that leaves places out, for it took the rows or columns left over for others."""

    @with_torch
    def answer(x, kh, kw, stride=1, padding=0):
        require_fit(x.shape[2:], (kh, kw), padding)
        down, across = fewer(taken, x.shape, (kh, kw), stride, padding)
        return joined(windows_of(x, kh, kw, stride, padding)[..., :down, :across])

    return answer


def taking_windows(answer):
    return lambda x, kh, kw, stride=1, padding=0: answer(x, kh, kw, stride=stride, padding=padding)


IM2COL = Reference(
    answer=im2col,
    like="torch.nn.functional.unfold",
    terms=im2col_terms,
    mistakes=(
        Mistake(
            "reshape_for_transpose",
            RESHAPE,
            arranged(
                lambda p: shaped(p.permute(0, 4, 5, 1, 2, 3), p),
                lambda p: shaped(p.permute(0, 1, 4, 5, 2, 3), p),
                lambda p: shaped(p.permute(0, 4, 5, 2, 3, 1), p),
                lambda p: shaped(p.permute(4, 5, 0, 1, 2, 3), p),
            ),
        ),
        Mistake(
            "patches_as_rows",
            "You made each window a row. Here each window is a column: (N, C·kh·kw, L). Exchange the last two axes.",
            arranged(
                lambda p: joined(p).transpose(1, 2),
                lambda p: joined(p).transpose(1, 2).flatten(0, 1),
            ),
        ),
        Mistake(
            "images_mixed_up",
            BATCH,
            arranged(
                lambda p: p.permute(1, 2, 3, 0, 4, 5).flatten(0, 2).flatten(1),
                lambda p: p.permute(1, 2, 3, 4, 5, 0).flatten(0, 2).flatten(1),
                lambda p: p.permute(1, 2, 3, 0, 4, 5).flatten(0, 2).flatten(2),
                lambda p: shaped(p.permute(1, 2, 3, 0, 4, 5), p),
                lambda p: shaped(p.permute(1, 2, 3, 4, 5, 0), p),
            ),
        ),
        Mistake(
            "rows_in_another_order",
            ROWS,
            arranged(
                lambda p: joined(p.permute(0, 2, 3, 1, 4, 5)),
                lambda p: joined(p.permute(0, 3, 2, 1, 4, 5)),
            ),
        ),
        Mistake("window_transposed", WINDOW_TRANSPOSED, arranged(lambda p: joined(p.transpose(2, 3)))),
        Mistake("columns_in_another_order", COLUMNS, arranged(lambda p: joined(p.transpose(4, 5)))),
        Mistake(
            "not_flattened",
            "The axes are not joined yet. The result has three: images, C·kh·kw rows, and a column for each place.",
            arranged(lambda p: p, lambda p: p.flatten(1, 3), lambda p: p.flatten(4), lambda p: p.flatten(4).flatten(2, 3)),
        ),
        Mistake("window_backwards", BACKWARDS, arranged(lambda p: joined(p.flip(2, 3)))),
        Mistake(
            "stride_ignored",
            STRIDE,
            (
                *misread(lambda x, kh, kw, t, p: (x, kh, kw, 1, p)),
                with_torch(
                    lambda x, kh, kw, stride=1, padding=0: (
                        require_fit(x.shape[2:], (kh, kw), padding),
                        joined(
                            windows_of(x, kh, kw, 1, padding)[
                                ..., : sizes(x.shape, kh, kw, stride, padding)[0],
                                : sizes(x.shape, kh, kw, stride, padding)[1],
                            ]
                        ),
                    )[1]
                ),
            ),
        ),
        Mistake(
            "stride_one_way",
            STRIDE_ONE_WAY,
            misread(lambda x, kh, kw, t, p: (x, kh, kw, (t, 1), p), lambda x, kh, kw, t, p: (x, kh, kw, (1, t), p)),
        ),
        Mistake("side_by_side", SIDE_BY_SIDE, misread(lambda x, kh, kw, t, p: (x, kh, kw, (kh, kw), p))),
        Mistake("padding_ignored", PADDING, (
            *misread(lambda x, kh, kw, t, p: (x, kh, kw, t, 0)),
            lambda x, kh, kw, stride=1, padding=0: im2col(x, kh, kw, stride),
        )),
        Mistake("one_side_only", ONE_SIDE, misread(*side_padding((0, 1, 0, 1), (1, 0, 1, 0), (0, 2, 0, 2), (2, 0, 2, 0)))),
        Mistake("one_axis_only", ONE_AXIS, misread(*side_padding((1, 1, 0, 0), (0, 0, 1, 1)))),
        Mistake("edge_values", EDGE, misread(*map(edge_padding, ("replicate", "circular", "reflect")))),
        Mistake(
            "all_axes",
            "You padded every axis, images and channels too. Only height and width get zeros.",
            misread(
                lambda x, kh, kw, t, p: (F.pad(x, (p,) * 8), kh, kw, t, 0),
                lambda x, kh, kw, t, p: (F.pad(x, (p,) * 8)[: len(x), : x.shape[1]], kh, kw, t, 0),
            ),
        ),
        Mistake(
            "own_padding",
            OWN_PADDING,
            misread(
                lambda x, kh, kw, t, p: (x, kh, kw, t, (kh // 2, kw // 2)),
                lambda x, kh, kw, t, p: (x, kh, kw, t, (kh // 2, kw // 2) if p else 0),
                lambda x, kh, kw, t, p: (x, kh, kw, t, kh // 2),
            ),
        ),
        Mistake("height_for_width", HEIGHT, own_sizes(*ANOTHER_SIZE)),
        Mistake(
            "kernel_height_for_width",
            KERNEL_HEIGHT,
            (
                *own_sizes(*ANOTHER_KERNEL),
                *misread(
                    lambda x, kh, kw, t, p: (x, kh, kh, t, p),
                    lambda x, kh, kw, t, p: (x, kw, kw, t, p),
                    lambda x, kh, kw, t, p: (x, kw, kh, t, p),
                ),
            ),
        ),
        Mistake("wrong_stop", STOP, tuple(other_stop(cut, fill) for cut in OTHER_STOPS for fill in (True, False))),
        Mistake("last_place_missing", LAST_PLACE, arranged(lambda p: joined(p[..., :-1, :-1]))),
        Mistake("rounded_up", ROUNDED_UP, (*misread(longer), *map(rounding, ROUNDINGS))),
        Mistake("left_over_of_one_axis", LEFT_OVER_OF_ONE_AXIS, tuple(map(cut_to_fewer, TAKEN_FOR_BOTH))),
        Mistake(
            "left_over_and_padding",
            LEFT_OVER_CUT,
            misread(*(
                lambda x, kh, kw, t, p, which=which: (trimmed(x, (kh, kw), t, p, **which), kh, kw, t, p) for which in TRIMS
            )),
        ),
        Mistake(
            "one_image_only",
            ONE_IMAGE,
            arranged(only(0, 0), only(0, -1), repeated(0), lambda p: joined(p[:1]), lambda p: joined(p)[0]),
        ),
        Mistake(
            "one_channel_only",
            ONE_CHANNEL,
            arranged(only(1, 0), only(1, -1), repeated(1), lambda p: joined(p[:, :1])),
        ),
        Mistake("axis_lost", AXIS_LOST, arranged(lambda p: joined(p).squeeze())),
        Mistake("memory_order", MEMORY, (as_if_by_rows,)),
        Mistake("precision", PRECISION, same_precision(im2col)),
        Mistake("reused", REUSED, (reused(im2col),)),
        *guards(im2col, taking_windows),
    ),
)

# col2im -----------------------------------------------------------------------------------------


@with_torch
def col2im(cols, x_shape, kh, kw, stride=1, padding=0):
    return F.fold(cols, x_shape[2:], (kh, kw), padding=padding, stride=stride)


def touches(index, cols_shape, x_shape, kh, kw, stride, padding):
    """The entries (row, column) of cols that go to the pixel (n, c, i, j), as torch unfolds it."""
    n, c, i, j = index
    pixel = torch.zeros(1, *x_shape[1:], dtype=torch.float64)
    pixel[0, c, i, j] = 1
    return torch.nonzero(F.unfold(pixel, (kh, kw), padding=padding, stride=stride)[0]).tolist()


def col2im_terms(output, index, cols, x_shape, kh, kw, stride=1, padding=0):
    found = touches(index, cols.shape, x_shape, kh, kw, stride, padding)
    return " + ".join(factor(cols[index[0], row, column].item()) for row, column in found) or None


def rearranged(*changes):
    """Spellings of a col2im that takes the columns apart in ways of its own.

    change(cols, (N, C, kh, kw, OH, OW)) -> parts with these axes, which then go to their places rightly.
    """

    def spelling(change):
        @with_torch
        def answer(cols, x_shape, kh, kw, stride=1, padding=0):
            shape = (*x_shape[:2], kh, kw, *sizes(x_shape, kh, kw, stride, padding))
            parts = change(cols.contiguous(), shape).reshape(cols.shape)
            return F.fold(parts, x_shape[2:], (kh, kw), padding=padding, stride=stride)

        return answer

    return tuple(map(spelling, changes))


def read_as(*order: int):
    """Read cols with its axes in this order, by reshape alone, and put them right by a transpose."""

    def change(cols, shape):
        return cols.reshape([shape[axis] for axis in order]).permute(*np.argsort(order).tolist()).contiguous()

    return change


def finished(*changes):
    """Spellings of a col2im whose right result is changed: change(out, cols, x_shape, kh, kw, stride, padding)."""

    def spelling(change):
        @with_torch
        def answer(cols, x_shape, kh, kw, stride=1, padding=0):
            out = F.fold(cols, x_shape[2:], (kh, kw), padding=padding, stride=stride)
            return change(out, cols, x_shape, kh, kw, stride, padding)

        return answer

    return tuple(map(spelling, changes))


def unpadded(out, cols, x_shape, kh, kw, stride, padding):
    """The result with its padding still on."""
    whole = [size + 2 * padding for size in x_shape[2:]]
    return F.fold(cols, whole, (kh, kw), stride=stride)


def overwriting(backwards: bool):
    """A col2im that puts where it should add.

    A loop over the window's entries leaves the last entry that meets a pixel; a loop over places leaves the last place,
    which is the first entry: `backwards`.
    """

    def answer(cols, x_shape, kh, kw, stride=1, padding=0):
        n, c, h, w = x_shape
        down, across = sizes(x_shape, kh, kw, stride, padding)
        parts = cols.reshape(n, c, kh, kw, down, across)
        image = np.zeros((n, c, h + 2 * padding, w + 2 * padding), cols.dtype)
        for u, v in sorted(np.ndindex(kh, kw), reverse=backwards):
            image[:, :, u : u + down * stride : stride, v : v + across * stride : stride] = parts[:, :, u, v]
        return image[:, :, padding : padding + h, padding : padding + w]

    return answer


def strides_of_ones(exact: bool):
    """A col2im that puts the windows one step apart, whatever the stride."""

    def change(out, cols, x_shape, kh, kw, stride, padding):
        down, across = sizes(x_shape, kh, kw, stride, padding)
        near = F.fold(cols, (down + kh - 1, across + kw - 1), (kh, kw))
        whole = F.pad(near, (0, x_shape[3] + 2 * padding - near.shape[3], 0, x_shape[2] + 2 * padding - near.shape[2]))
        if not exact:
            return near
        return whole[:, :, padding : padding + x_shape[2], padding : padding + x_shape[3]]

    return change


def refused(wrong):
    """A col2im that stops with a ValueError where wrong(x_shape, kh, kw, stride, padding) holds."""

    def change(out, cols, x_shape, kh, kw, stride, padding):
        if wrong(x_shape, kh, kw, stride, padding):
            raise ValueError("cannot reshape array, or operands could not be broadcast together")
        return out

    return change


def other_places(x_shape, kh, kw, stride, padding):
    down, across = sizes(x_shape, kh, kw, stride, padding)
    return down != across


def cut_after_last_window(out, cols, x_shape, kh, kw, stride, padding):
    below, right = (left_over(s, k, stride, padding) for s, k in zip(x_shape[2:], (kh, kw)))
    return out[:, :, : x_shape[2] - max(0, below - padding), : x_shape[3] - max(0, right - padding)]


def no_left_over(out, cols, x_shape, kh, kw, stride, padding):
    """The padded array is as large as the windows need: the crop then comes out too short."""
    whole = unpadded(out, cols, x_shape, kh, kw, stride, padding)
    below, right = (left_over(s, k, stride, padding) for s, k in zip(x_shape[2:], (kh, kw)))
    whole = whole[:, :, : whole.shape[2] - below, : whole.shape[3] - right]
    return whole[:, :, padding : whole.shape[2] - padding, padding : whole.shape[3] - padding]


def sized_by(taken):
    """A col2im into an array that ends as many rows and columns after the last window as are `taken` for left over."""

    def change(out, cols, x_shape, kh, kw, stride, padding):
        true = rests(x_shape, (kh, kw), stride, padding)
        ends = [s + padding - one + ours for s, one, ours in zip(x_shape[2:], true, taken(*true))]
        return out[:, :, : max(0, ends[0]), : max(0, ends[1])]

    return change


def cut_what_was_touched(out, cols, x_shape, kh, kw, stride, padding):
    """The padding is cut off the part that windows touched; zeros then make up for what is left over."""
    found = no_left_over(out, cols, x_shape, kh, kw, stride, padding)
    return F.pad(found, (0, x_shape[3] - found.shape[3], 0, x_shape[2] - found.shape[2]))


def counted(out, cols, x_shape, kh, kw, stride, padding):
    count = F.fold(torch.ones_like(cols), x_shape[2:], (kh, kw), padding=padding, stride=stride)
    return out / count.clamp(min=1)


def in_place_shape(cols, x_shape, kh, kw, stride=1, padding=0):
    out = col2im(cols, x_shape, kh, kw, stride, padding)
    cols.shape = (*x_shape[:2], kh, kw, *sizes(x_shape, kh, kw, stride, padding))
    return out


def kept(axis: int, entry: int):
    def change(out, *_):
        left = torch.zeros_like(out)
        place = (slice(None),) * axis + (entry,)
        left[place] = out[place]
        return left

    return change


def crops(*slices):
    """Changes that cut a padded result: slice(p, size) -> start, stop."""
    return tuple(
        lambda out, cols, x_shape, kh, kw, t, p, cut=cut: unpadded(out, cols, x_shape, kh, kw, t, p)[
            :, :, slice(*cut(p, x_shape[2])), slice(*cut(p, x_shape[3]))
        ]
        for cut in slices
    )


COL2IM = Reference(
    answer=col2im,
    like="torch.nn.functional.fold",
    terms=col2im_terms,
    mistakes=(
        Mistake(
            "overwritten",
            OVERWRITTEN,
            (overwriting(False), overwriting(True)),
        ),
        Mistake("averaged", AVERAGED, finished(counted)),
        Mistake(
            "reshape_for_transpose",
            RESHAPE,
            rearranged(read_as(0, 4, 5, 1, 2, 3), read_as(0, 1, 4, 5, 2, 3), read_as(0, 4, 5, 2, 3, 1)),
        ),
        Mistake(
            "images_mixed_up",
            BATCH.replace("The result has", "cols has"),
            rearranged(read_as(1, 2, 3, 0, 4, 5), read_as(1, 2, 3, 4, 5, 0)),
        ),
        Mistake(
            "rows_in_another_order",
            ROWS.replace("Your rows are", "You read the rows"),
            rearranged(read_as(0, 2, 3, 1, 4, 5), read_as(0, 3, 2, 1, 4, 5)),
        ),
        Mistake("window_transposed", WINDOW_TRANSPOSED, rearranged(read_as(0, 1, 3, 2, 4, 5))),
        Mistake(
            "columns_in_another_order",
            COLUMNS.replace("Your columns are", "You read the columns"),
            rearranged(read_as(0, 1, 2, 3, 5, 4)),
        ),
        Mistake("window_backwards", BACKWARDS, rearranged(lambda cols, shape: cols.reshape(shape).flip(2, 3).contiguous())),
        Mistake(
            "stride_ignored",
            STRIDE,
            finished(strides_of_ones(True), strides_of_ones(False)),
        ),
        Mistake("wrong_stop", STOP, tuple(map(adding_to_other_stop, OTHER_STOPS))),
        Mistake("padding_not_cut_off", NOT_CROPPED, finished(unpadded)),
        Mistake("empty_slice_at_zero", EMPTY_SLICE, finished(*crops(lambda p, size: (p, -p)))),
        Mistake(
            "cut_at_one_end",
            ONE_END,
            finished(*crops(
                lambda p, size: (0, size),
                lambda p, size: (2 * p, None),
                lambda p, size: (p, None),
                lambda p, size: (0, size + p),
            )),
        ),
        Mistake(
            "padding_ignored",
            PADDING + " cols has a column for each place on the padded images.",
            finished(
                refused(lambda x_shape, kh, kw, t, p: p > 0),
                refused(lambda x_shape, kh, kw, t, p: sizes(x_shape, kh, kw, t, p) != sizes(x_shape, kh, kw, t, 0)),
            ),
        ),
        Mistake("left_over_lost", LEFT_OVER, finished(no_left_over, cut_after_last_window)),
        Mistake("left_over_of_one_axis", LEFT_OVER_OF_ONE_AXIS, finished(*map(sized_by, TAKEN_FOR_BOTH))),
        Mistake("left_over_and_padding", LEFT_OVER_ADDED, finished(cut_what_was_touched)),
        Mistake(
            "rounded_up",
            ROUNDED_UP,
            finished(*(
                refused(lambda x_shape, kh, kw, t, p, where=where: goes_up(where, x_shape, (kh, kw), t, p))
                for where in ROUNDINGS
            )),
        ),
        Mistake(
            "height_for_width",
            HEIGHT,
            finished(
                refused(other_places),
                refused(lambda x_shape, kh, kw, t, p: x_shape[2] != x_shape[3]),
                lambda out, *_: out.transpose(2, 3),
            ),
        ),
        Mistake("kernel_height_for_width", KERNEL_HEIGHT, finished(refused(lambda x_shape, kh, kw, t, p: kh != kw))),
        Mistake("one_image_only", ONE_IMAGE, finished(kept(0, 0), kept(0, -1), lambda out, *_: out[:1])),
        Mistake("one_channel_only", ONE_CHANNEL, finished(kept(1, 0), kept(1, -1), lambda out, *_: out[:, :1].expand_as(out))),
        Mistake(
            "images_added_up",
            "You added up the images. What meets in a pixel of one image is added, the images stay apart.",
            finished(lambda out, *_: out.sum(0, keepdim=True), lambda out, *_: out.sum(0),
                     lambda out, *_: out.sum(0, keepdim=True).expand_as(out)),
        ),
        Mistake("axis_lost", AXIS_LOST, finished(lambda out, *_: out.squeeze())),
        Mistake(
            "input_reshaped",
            "You assigned to cols.shape, and so changed the caller's array. cols.reshape(…) leaves it as it is.",
            (in_place_shape,),
        ),
        Mistake("precision", PRECISION, same_precision(col2im)),
        Mistake("reused", REUSED, (reused(col2im),)),
    ),
)  # fmt: skip

# conv2d_forward_fast ----------------------------------------------------------------------------


@with_torch
def conv2d_forward_fast(x, w, b=None, stride=1, padding=0):
    require_fit(x.shape[2:], w.shape[2:], padding)
    return F.conv2d(x, w, b, stride, padding)


def forward_terms(output, index, x=None, w=None, b=None, stride=1, padding=0, **race):
    if race:
        return None
    n, f, i, j = index
    kh, kw = w.shape[2:]
    padded = np.pad(x, [(0, 0), (0, 0), (padding,) * 2, (padding,) * 2])
    window = padded[n, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
    return products(window, w[f]) + ("" if b is None else f" + {factor(b[f].item())}")


def bent(*bends):
    """Spellings of a convolution that gets its arguments bent: bend(x, w, b, stride, padding) -> the same."""

    def spelling(bend):
        @with_torch
        def answer(x, w, b=None, stride=1, padding=0):
            require_fit(x.shape[2:], w.shape[2:], padding)
            return F.conv2d(*bend(x, w, b, stride, padding))

        return answer

    return tuple(map(spelling, bends))


def after(*changes):
    """Spellings of a convolution whose right result is changed: change(out, x, w, b, stride, padding)."""

    def spelling(change):
        @with_torch
        def answer(x, w, b=None, stride=1, padding=0):
            require_fit(x.shape[2:], w.shape[2:], padding)
            return change(F.conv2d(x, w, b, stride, padding), x, w, b, stride, padding)

        return answer

    return tuple(map(spelling, changes))


def multiplied(*changes):
    """Spellings of a convolution with another matrix product.

    change(windows, w) -> columns (N, C·kh·kw, L) and a matrix of weights (F, C·kh·kw).
    """

    def spelling(change):
        @with_torch
        def answer(x, w, b=None, stride=1, padding=0):
            require_fit(x.shape[2:], w.shape[2:], padding)
            windows = windows_of(x, *w.shape[2:], stride, padding)
            columns, weights = change(windows, w)
            out = (weights @ columns).reshape(len(x), len(w), *windows.shape[4:])
            return out if b is None else out + b[:, None, None]

        return answer

    return tuple(map(spelling, changes))


def wide_by_reshape(way_in: bool, way_out: bool):
    """One wide matrix of columns, (C·kh·kw, N·L): by reshape alone on the way in, on the way out, or both."""

    @with_torch
    def answer(x, w, b=None, stride=1, padding=0):
        require_fit(x.shape[2:], w.shape[2:], padding)
        windows = windows_of(x, *w.shape[2:], stride, padding)
        columns = joined(windows)
        out = w.flatten(1) @ (columns if way_in else columns.transpose(0, 1)).reshape(columns.shape[1], -1)
        apart, places = (len(x), len(w)), windows.shape[4:]
        out = out.reshape(*apart, *places) if way_out else out.reshape(*apart[::-1], *places).transpose(0, 1)
        return out if b is None else out + b[:, None, None]

    return answer


def cut_anew(*orders):
    """Changes of an output: its axes in another order, then cut into (N, F, OH, OW) by reshape."""
    return tuple(lambda out, *_, order=order: out.permute(*order).contiguous().reshape(out.shape) for order in orders)


def other_bias(*adds):
    """Spellings with a bias of their own: add(result without bias, b, x)."""
    return after(
        *(
            lambda out, x, w, b, t, p, add=add: out if b is None else add(F.conv2d(x, w, None, t, p), b, x)
            for add in adds
        )
    )


def broadcast(out, b):
    """`out + b` as NumPy does it: a ValueError where the shapes do not fit."""
    return torch.from_numpy(out.numpy() + b.numpy())


def by_image(out, b, x):
    if len(x) != len(b):
        raise ValueError("operands could not be broadcast together")
    return out + b[:, None, None, None]


def own_output_size(*claims):
    """Spellings that compute a size of their own and do not find it in the product: a ValueError from reshape."""

    def change(claim):
        def refuse(out, x, w, b, t, p):
            ours = [(s + 2 * p - k) // t + 1 for s, k in claim(*x.shape[2:], *w.shape[2:])]
            if ours[0] * ours[1] != out.shape[2] * out.shape[3]:
                raise ValueError("cannot reshape array")
            return out.reshape(*out.shape[:2], *ours)

        return refuse

    return after(*map(change, claims))


def own_window_size(*claims):
    """Spellings whose windows are cut for a size of their own, as `own_size` does."""

    def spelling(claim, fill):
        columns_of = own_size(claim, fill)

        def answer(x, w, b=None, stride=1, padding=0):
            columns = columns_of(x, *w.shape[2:], stride, padding)
            ours = [max(0, (s + 2 * padding - k) // stride + 1) for s, k in claim(*x.shape[2:], *w.shape[2:])]
            out = w.reshape(len(w), -1) @ columns
            return (out if b is None else out + b[:, None]).reshape(len(x), len(w), *ours)

        return answer

    return (*(spelling(claim, False) for claim in claims), spelling(claims[0], True))


def bends_of_padding(*sides):
    return tuple(lambda x, w, b, t, p, side=side: (F.pad(x, tuple(one * p for one in side)), w, b, t, 0) for side in sides)


def edge_bend(mode):
    return lambda x, w, b, t, p: (F.pad(x, (p,) * 4, mode) if p else x, w, b, t, 0)


def rounded(x, w, b, t, p):
    padded, *_ = longer(x, *w.shape[2:], t, p)
    return padded, w, b, t, 0


def other_count(out, x, w, stride, padding):
    """Whether columns made with this stride and padding are too many or too few for the shape of `out`."""
    down, across = sizes(x.shape, *w.shape[2:], stride, padding)
    return down * across != out[0, 0].numel()


def cut_output_to_fewer(taken):
    def change(out, x, w, b, t, p):
        down, across = fewer(taken, x.shape, w.shape[2:], t, p)
        return out[:, :, :down, :across]

    return change


@with_torch
def stride_for_padding(x, w, b=None, stride=1, padding=0):
    """The columns with stride and padding exchanged: they are as many as the output needs by chance only."""
    require_fit(x.shape[2:], w.shape[2:], stride)
    divide_by(padding)
    out = F.conv2d(x, w, b, stride, padding)
    refuse_if(other_count(out, x, w, padding, stride), out)
    return F.conv2d(x, w, b, padding, stride).reshape(out.shape)


def divide_by(stride):
    """As `//` does it."""
    if stride == 0:
        raise ZeroDivisionError("integer division or modulo by zero")


def slow_forward(inner):
    """Right, with loops over places; inner(windows of one place, w) -> (N, F)."""

    def answer(x, w, b=None, stride=1, padding=0):
        require_fit(x.shape[2:], w.shape[2:], padding)
        kh, kw = w.shape[2:]
        padded = np.pad(x, [(0, 0), (0, 0), (padding,) * 2, (padding,) * 2])
        out = np.zeros((len(x), len(w), *sizes(x.shape, kh, kw, stride, padding)), x.dtype)
        for i, j in np.ndindex(*out.shape[2:]):
            box = padded[:, :, i * stride : i * stride + kh, j * stride : j * stride + kw]
            out[:, :, i, j] = inner(box, w)
        return out if b is None else out + b[:, None, None]

    return answer


SLOW = (
    "Right, but slow. A Python loop runs over the places of the window, or over single numbers: in this function, or in "
    "the im2col or col2im it calls. Loop over the entries of the kernel at most: one slice takes a number from all places "
    "at once, and one matrix product does the rest."
)


def taking_weights(answer):
    return lambda x, w, b=None, stride=1, padding=0: (
        answer(x, w, stride=stride, padding=padding) if b is None else answer(x, w, b=b, stride=stride, padding=padding)
    )


FORWARD = Reference(
    answer=conv2d_forward_fast,
    like="torch.nn.functional.conv2d",
    terms=forward_terms,
    mistakes=(
        Mistake(  # the first: a slow answer is then named without racing all others
            "slow",
            SLOW,
            (
                slow_forward(lambda box, w: box.reshape(len(box), -1) @ w.reshape(len(w), -1).T),
                slow_forward(lambda box, w: np.tensordot(box, w, ((1, 2, 3), (1, 2, 3)))),
            ),
        ),
        Mistake(
            "reshape_for_transpose",
            RESHAPE,
            (
                *after(
                    lambda out, x, w, b, t, p: out.permute(0, 2, 3, 1).contiguous().reshape(out.shape),
                    *cut_anew((1, 0, 2, 3), (1, 2, 3, 0), (2, 3, 0, 1)),
                ),
                *multiplied(
                    lambda p, w: (shaped(p.permute(0, 4, 5, 1, 2, 3), p), w.flatten(1)),
                    lambda p, w: (shaped(p.permute(0, 1, 4, 5, 2, 3), p), w.flatten(1)),
                    lambda p, w: (joined(p), w.reshape(-1, len(w)).T),
                ),
                wide_by_reshape(True, False),
                wide_by_reshape(False, True),
                wide_by_reshape(True, True),
            ),
        ),
        Mistake(
            "weights_in_another_order",
            "The rows of the columns and the weights of a filter are in different orders. Both must go through channels, "
            "rows and columns of the kernel alike: w.reshape(F, -1) goes (c, u, v).",
            multiplied(
                lambda p, w: (joined(p.permute(0, 2, 3, 1, 4, 5)), w.flatten(1)),
                lambda p, w: (joined(p), w.permute(0, 2, 3, 1).flatten(1)),
                lambda p, w: (joined(p), w.transpose(2, 3).flatten(1)),
            ),
        ),
        Mistake("rotated_kernel", "You rotated the kernel by 180°. torch slides the kernel as it is.",
                bent(lambda x, w, b, t, p: (x, w.flip(2, 3), b, t, p))),
        Mistake(
            "output_transposed",
            "Rows and columns of places are exchanged in your result: column i · OW + j is the place (i, j).",
            after(
                lambda out, *_: out.transpose(2, 3),
                lambda out, *_: out.transpose(2, 3).contiguous().reshape(out.shape),
                lambda out, *_: out.reshape(*out.shape[:2], out.shape[3], out.shape[2]),
            ),
        ),
        Mistake(
            "axes_in_another_order",
            "The axes of the result are in another order. It should be (N, F, OH, OW): transpose it.",
            after(
                lambda out, *_: out.permute(0, 2, 3, 1),
                lambda out, *_: out.permute(1, 0, 2, 3),
                lambda out, *_: out.permute(1, 2, 3, 0),
            ),
        ),
        Mistake(
            "not_unflattened",
            "The places still stand in one line. Give the result its four axes: .reshape(N, F, OH, OW).",
            after(lambda out, *_: out.flatten(2), lambda out, *_: out.transpose(0, 1).flatten(1)),
        ),
        Mistake(
            "one_channel_only",
            "Only one channel counts in your result. Sum over all channels.",
            bent(
                lambda x, w, b, t, p: (x[:, :1], w[:, :1], b, t, p),
                lambda x, w, b, t, p: (x[:, -1:], w[:, -1:], b, t, p),
            ),
        ),
        Mistake(
            "one_filter_only",
            "Every filter uses the weights of the first one. Filter f has its own: w[f].",
            bent(lambda x, w, b, t, p: (x, w[:1].expand_as(w), b, t, p)),
        ),
        Mistake(
            "one_image_only",
            ONE_IMAGE,
            after(
                lambda out, *_: kept(0, 0)(out),
                lambda out, *_: kept(0, -1)(out),
                lambda out, *_: out[:1].expand_as(out),
                lambda out, *_: out[0],
            ),
        ),
        Mistake(
            "averaged",
            "You took the mean of the products. A convolution is their sum.",
            bent(lambda x, w, b, t, p: (x, w / w[0].numel(), b, t, p)),
        ),
        Mistake(
            "stride_ignored",
            STRIDE,
            (
                *bent(lambda x, w, b, t, p: (x, w, b, 1, p)),
                *after(
                    lambda out, x, w, b, t, p: F.conv2d(x, w, b, 1, p)[:, :, : out.shape[2], : out.shape[3]],
                    lambda out, x, w, b, t, p: refuse_if(other_count(out, x, w, 1, p), out),
                ),
            ),
        ),
        Mistake(
            "stride_one_way",
            STRIDE_ONE_WAY,
            bent(lambda x, w, b, t, p: (x, w, b, (t, 1), p), lambda x, w, b, t, p: (x, w, b, (1, t), p)),
        ),
        Mistake("stride_for_padding", EXCHANGED, (stride_for_padding,)),
        Mistake("side_by_side", SIDE_BY_SIDE, bent(lambda x, w, b, t, p: (x, w, b, tuple(w.shape[2:]), p))),
        Mistake("padding_ignored", PADDING, (
            *bent(lambda x, w, b, t, p: (x, w, b, t, 0)),
            lambda x, w, b=None, stride=1, padding=0: conv2d_forward_fast(x, w, b, stride),
            *after(lambda out, x, w, b, t, p: refuse_if(other_count(out, x, w, t, 0), out)),
        )),
        Mistake("one_side_only", ONE_SIDE, bent(*bends_of_padding((0, 1, 0, 1), (1, 0, 1, 0), (0, 2, 0, 2), (2, 0, 2, 0)))),
        Mistake("one_axis_only", ONE_AXIS, bent(*bends_of_padding((1, 1, 0, 0), (0, 0, 1, 1)))),
        Mistake("edge_values", EDGE, bent(*map(edge_bend, ("replicate", "circular", "reflect")))),
        Mistake(
            "own_padding",
            OWN_PADDING.replace("window", "kernel"),
            bent(
                lambda x, w, b, t, p: (x, w, b, t, (w.shape[2] // 2, w.shape[3] // 2)),
                lambda x, w, b, t, p: (x, w, b, t, (w.shape[2] // 2, w.shape[3] // 2) if p else 0),
                lambda x, w, b, t, p: (x, w, b, t, w.shape[2] // 2),
            ),
        ),
        Mistake("height_for_width", HEIGHT, (*own_window_size(*ANOTHER_SIZE), *own_output_size(*ANOTHER_SIZE[:3]))),
        Mistake(
            "kernel_height_for_width",
            KERNEL_HEIGHT,
            (
                *own_window_size(*ANOTHER_KERNEL),
                *own_output_size(*ANOTHER_KERNEL[:1]),
                *after(lambda out, x, w, *_: refuse_if(w.shape[2] != w.shape[3], out)),
            ),
        ),
        Mistake("rounded_up", ROUNDED_UP, (
            *bent(rounded),
            *after(*(
                lambda out, x, w, b, t, p, where=where: refuse_if(goes_up(where, x.shape, w.shape[2:], t, p), out)
                for where in ROUNDINGS
            )),
        )),
        Mistake("left_over_of_one_axis", LEFT_OVER_OF_ONE_AXIS, after(*map(cut_output_to_fewer, TAKEN_FOR_BOTH))),
        Mistake(
            "left_over_and_padding",
            LEFT_OVER_CUT,
            bent(*(
                lambda x, w, b, t, p, which=which: (trimmed(x, w.shape[2:], t, p, **which), w, b, t, p) for which in TRIMS
            )),
        ),
        Mistake(
            "memory_order",
            MEMORY,
            (
                lambda x, w, b=None, stride=1, padding=0: conv2d_forward_fast(
                    x.ravel(order="K").reshape(x.shape), w, b, stride, padding
                ),
            ),
        ),
        Mistake("bias_ignored", "You left out the bias.", bent(lambda x, w, b, t, p: (x, w, None, t, p))),
        Mistake(
            "truth_of_an_array",
            "`if b:` asks a whole array whether it is true, and NumPy refuses. Write `if b is not None:`.",
            (lambda x, w, b=None, stride=1, padding=0: conv2d_forward_fast(x, w, b if b else None, stride, padding),),
        ),
        Mistake(
            "bias_of_zero",
            "You left the whole bias out because one of its numbers is 0. A 0 is a bias too: ask `if b is not None:`.",
            (
                lambda x, w, b=None, stride=1, padding=0: conv2d_forward_fast(
                    x, w, b if b is not None and b.all() else None, stride, padding
                ),
                lambda x, w, b=None, stride=1, padding=0: conv2d_forward_fast(
                    x, w, b if b is not None and b[0] else None, stride, padding
                ),
            ),
        ),
        Mistake(
            "bias_along_width",
            "You added b to the wrong axis. In (N, F, L) and (N, F, OH, OW) the biases meet the axis F: "
            "b[:, None] or b[:, None, None].",
            other_bias(
                lambda out, b, x: broadcast(out, b),
                lambda out, b, x: broadcast(out, b[:, None]),
                lambda out, b, x: broadcast(out.flatten(2), b).reshape(out.shape),
                by_image,
            ),
        ),
        Mistake(
            "bias_more_than_once",
            "You added the bias more than once to a pixel. Add it once, after the matrix product.",
            other_bias(
                lambda out, b, x: out + x.shape[1] * b[:, None, None],
                lambda out, b, x: out + 2 * b[:, None, None],
            ),
        ),
        Mistake(
            "first_bias_only",
            "Every filter got the bias of the first one. Filter f has its own: b[f].",
            other_bias(lambda out, b, x: out + b[0]),
        ),
        Mistake(
            "bias_summed",
            "You added the sum of all biases. Filter f has its own: b[f].",
            other_bias(lambda out, b, x: out + b.sum()),
        ),
        Mistake("bias_subtracted", "You subtracted the bias. Add it.", other_bias(lambda out, b, x: out - b[:, None, None])),
        Mistake(
            "bias_required",
            "Your function needs a bias, but b may be None. Add it only `if b is not None`.",
            (
                lambda x, w, b=None, stride=1, padding=0: conv2d_forward_fast(x, w, b[:], stride, padding),
                lambda x, w, b=None, stride=1, padding=0: conv2d_forward_fast(x, w, b.copy(), stride, padding),
            ),
        ),
        Mistake("axis_lost", AXIS_LOST, after(lambda out, *_: out.squeeze())),
        Mistake(
            "precision",
            PRECISION,
            (
                *same_precision(conv2d_forward_fast),
                lambda x, w, b=None, stride=1, padding=0: (
                    conv2d_forward_fast(x, w, None, stride, padding)
                    + (np.zeros(len(w)) if b is None else b)[:, None, None]
                ),
            ),
        ),
        *guards(conv2d_forward_fast, taking_weights),
    ),
)  # fmt: skip

# conv2d_backward_fast ---------------------------------------------------------------------------


answered: dict[tuple, tuple] = {}


@with_torch
def conv2d_backward_fast(dout, x, w, stride=1, padding=0):
    return differentiated(dout, x, w, stride, padding)


def gradients(dout, x, w, stride, padding):
    """dx, dw, db by torch; those of the last few questions are remembered, for all the mistakes ask the same ones."""
    arrays = tuple((one.shape, one.dtype, one.numpy().tobytes()) for one in (dout, x, w))
    key = (*arrays, stride, padding)
    if key not in answered:
        if len(answered) >= 64:
            answered.pop(next(iter(answered)))
        answered[key] = differentiated(dout, x, w, stride, padding)
    return tuple(one.clone() for one in answered[key])


def differentiated(dout, x, w, stride, padding):
    b = torch.zeros(len(w), dtype=w.dtype)
    inputs = [one.detach().clone().requires_grad_() for one in (x, w, b)]
    return torch.autograd.grad(F.conv2d(*inputs, stride, padding), inputs, dout)


def backward_terms(output, index, dout=None, x=None, w=None, stride=1, padding=0, **race):
    """The products that meet in one entry: of dx by the windows that touch it, of dw by the places."""
    if race:
        return None
    kh, kw = w.shape[2:]
    down, across = dout.shape[2:]
    if output == "db":
        return " + ".join(factor(one) for one in dout[:, index[0]].ravel().tolist())
    if output == "dw":
        f, c, u, v = index
        padded = np.pad(x, [(0, 0), (0, 0), (padding,) * 2, (padding,) * 2])
        seen = padded[:, c, u : u + down * stride : stride, v : v + across * stride : stride]
        return products(dout[:, f], seen)
    n, c, *_ = index
    found = touches(index, None, x.shape, kh, kw, stride, padding)
    pairs = [(divmod(row % (kh * kw), kw), divmod(place, across)) for row, place in found]
    terms = [products(dout[n, f, i, j], w[f, c, u, v]) for f in range(len(w)) for (u, v), (i, j) in pairs]
    return " + ".join(terms) or None


def other_gradients(*changes):
    """Spellings with changed gradients: change(dx, dw, db, dout, x, w, stride, padding) -> three results."""

    def spelling(change):
        @with_torch
        def answer(dout, x, w, stride=1, padding=0):
            return change(*gradients(dout, x, w, stride, padding), dout, x, w, stride, padding)

        return answer

    return tuple(map(spelling, changes))


def other_dx(*makes):
    """make(dx, dout, x, w, stride, padding) -> another dx."""
    return other_gradients(
        *(lambda dx, dw, db, dout, x, w, t, p, make=make: (make(dx, dout, x, w, t, p), dw, db) for make in makes)
    )


def other_dw(*makes):
    """make(dw, dout, x, w, stride, padding) -> another dw."""
    return other_gradients(
        *(lambda dx, dw, db, dout, x, w, t, p, make=make: (dx, make(dw, dout, x, w, t, p), db) for make in makes)
    )


def other_db(*makes):
    """make(db, dout) -> another db."""
    return other_gradients(
        *(lambda dx, dw, db, dout, x, w, t, p, make=make: (dx, dw, make(db, dout)) for make in makes)
    )


def dcols_of(dout, w):
    """The gradient of the columns, (N, C·kh·kw, L)."""
    return w.flatten(1).T @ dout.flatten(2)


def folded(*spellings):
    """dx by a wrong col2im: one of the spellings above, on the right columns."""

    def make(spelling):
        def dx(right, dout, x, w, t, p):
            return torch.from_numpy(spelling(dcols_of(dout, w).numpy(), tuple(x.shape), *w.shape[2:], t, p))

        return dx

    return tuple(map(make, spellings))


def both_by(*orders):
    """dw and dx by columns whose rows, or places, are read in another order."""

    def change(order):
        def results(dx, dw, db, dout, x, w, t, p):
            windows = windows_of(x, *w.shape[2:], t, p)
            shape = tuple(windows.shape)
            columns = shaped(windows.permute(*order), windows)
            dw = torch.einsum("nfl,nrl->fr", dout.flatten(2), columns).reshape(w.shape)
            parts = read_as(*order)(dcols_of(dout, w), shape).reshape(columns.shape)
            return F.fold(parts, x.shape[2:], w.shape[2:], padding=p, stride=t), dw, db

        return results

    return tuple(map(change, orders))


def by_filter(dout, alone: bool):
    """dout as (F, N·L): rightly, or by reshape `alone`."""
    return (dout if alone else dout.transpose(0, 1)).reshape(dout.shape[1], -1)


def scrambled(alone: bool, order: str):
    """dw by one wide matrix each. `order` says in which order its columns stand, or that reshape alone made it."""

    def make(dw, dout, x, w, t, p):
        columns = joined(windows_of(x, *w.shape[2:], t, p))
        axes = {"by image": (1, 0, 2), "by place": (1, 2, 0), "by reshape": (0, 1, 2)}[order]
        flat = columns.permute(*axes).reshape(columns.shape[1], -1)
        return (by_filter(dout, alone) @ flat.T).reshape(w.shape)

    return make


def scrambled_rows(dw, dout, x, w, t, p):
    """The same with dout as (N·L, F)."""
    columns = joined(windows_of(x, *w.shape[2:], t, p)).transpose(1, 2).flatten(0, 1)
    return (dout.reshape(-1, len(w)).T @ columns).reshape(w.shape)


def scrambled_dx(alone: bool, back: bool):
    """dx by one wide matrix: dout by reshape `alone`, the columns cut back into images by reshape alone (`back`)."""

    def make(dx, dout, x, w, t, p):
        rows = w.flatten(1).T @ by_filter(dout, alone)
        parts = rows.reshape(len(x), len(rows), -1) if back else rows.reshape(len(rows), len(x), -1).transpose(0, 1)
        return F.fold(parts.contiguous(), x.shape[2:], w.shape[2:], padding=p, stride=t)

    return make


def scrambled_db(db, dout):
    return by_filter(dout, True).sum(1)


def scrambled_together(*kinds):
    """Spellings of all that goes through wide matrices: (dw's, dx's, whether db is scrambled too)."""
    return other_gradients(
        *(
            lambda dx, dw, db, dout, *rest, of_w=of_w, of_x=of_x, of_b=of_b: (
                of_x(dx, dout, *rest), of_w(dw, dout, *rest), scrambled_db(db, dout) if of_b else db,
            )
            for of_w, of_x, of_b in kinds
        )
    )  # fmt: skip


def each_image(dw, dout, x, w, t, p):
    return torch.einsum("nfl,nrl->nfr", dout.flatten(2), joined(windows_of(x, *w.shape[2:], t, p)))


def weights_cut_anew(dx, dout, x, w, t, p):
    """w.reshape(C·kh·kw, F) for the transpose of w.reshape(F, C·kh·kw)."""
    parts = w.reshape(-1, len(w)) @ dout.flatten(2)
    return F.fold(parts, x.shape[2:], w.shape[2:], padding=p, stride=t)


def dw_cut_anew(dw, *_):
    """Columns times dout give (C·kh·kw, F); reshape makes w's shape of it without a transpose."""
    return dw.flatten(1).T.contiguous().reshape(dw.shape)


def columns_cut_anew(dw, dout, x, w, t, p):
    """cols.reshape(N, L, C·kh·kw) for the transpose of each image's columns."""
    columns = joined(windows_of(x, *w.shape[2:], t, p))
    return (dout.flatten(2) @ columns.reshape(len(x), -1, columns.shape[1])).sum(0).reshape(w.shape)


def into_x(dout, x, w, stride=1, padding=0):
    """dx = x, then dx += …"""
    dx, dw, db = conv2d_backward_fast(dout, x, w, stride, padding)
    x += dx
    return x, dw, db


def both_exchanged(dx, dw, db, dout, x, w, stride, padding):
    """Columns with stride and padding exchanged: they do not fit dout, unless the two are the same."""
    divide_by(padding)
    return refuse_if(other_count(dout, x, w, padding, stride), (dx, dw, db))


def over_places():
    """Right gradients with loops over places: in everything, and in col2im alone."""

    def all_of_it(dout, x, w, stride=1, padding=0):
        kh, kw = w.shape[2:]
        h, wide = x.shape[2:]
        padded = np.pad(x, [(0, 0), (0, 0), (padding,) * 2, (padding,) * 2])
        dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
        for i, j in np.ndindex(*dout.shape[2:]):
            rows, columns = slice(i * stride, i * stride + kh), slice(j * stride, j * stride + kw)
            dw += np.tensordot(dout[:, :, i, j], padded[:, :, rows, columns], (0, 0))
            dpadded[:, :, rows, columns] += np.tensordot(dout[:, :, i, j], w, 1)
        return dpadded[:, :, padding : padding + h, padding : padding + wide], dw, dout.sum((0, 2, 3))

    def col2im_alone(dout, x, w, stride=1, padding=0):
        _, dw, db = conv2d_backward_fast(dout, x, w, stride, padding)
        n, c, h, wide = x.shape
        kh, kw = w.shape[2:]
        parts = (w.reshape(len(w), -1).T @ dout.reshape(n, len(w), -1)).reshape(n, c, kh, kw, *dout.shape[2:])
        dpadded = np.zeros((n, c, h + 2 * padding, wide + 2 * padding), x.dtype)
        for i, j in np.ndindex(*dout.shape[2:]):
            top, left = i * stride, j * stride
            dpadded[:, :, top : top + kh, left : left + kw] += parts[:, :, :, :, i, j]
        return dpadded[:, :, padding : padding + h, padding : padding + wide], dw, db

    return all_of_it, col2im_alone


def lost_precision(right):
    """float64, float32 or whole numbers in all three results, or float64 in one: a buffer of np.zeros."""

    def all_as(dtype):
        return lambda *args, **keywords: tuple(one.astype(dtype) for one in right(*args, **keywords))

    def one_as(which):
        return lambda *args, **keywords: tuple(
            one.astype(np.float64) if k in which else one for k, one in enumerate(right(*args, **keywords))
        )

    return (*map(all_as, (np.float64, np.float32, np.int64)), *map(one_as, ((0,), (1,), (2,), (0, 1))))


BACKWARD = Reference(
    answer=conv2d_backward_fast,
    like="torch.autograd of torch.nn.functional.conv2d",
    terms=backward_terms,
    mistakes=(
        Mistake("slow", SLOW, over_places()),  # the first, as in the forward pass
        Mistake(
            "dw_scrambled",
            "Images and places are mixed up in dw. dout has the axes (N, F, L): reshape alone cannot make (F, N·L) of it. "
            "Transpose first, or multiply image by image and add up. With one image nobody would see it.",
            other_dw(scrambled(True, "by image"), scrambled(True, "by place"), scrambled_rows),
        ),
        Mistake(
            "dw_columns_scrambled",
            "Images and places are mixed up in dw. cols has the axes (N, C·KH·KW, L): reshape alone cannot make "
            "(C·KH·KW, N·L) of it. Transpose first, or multiply image by image and add up.",
            other_dw(scrambled(False, "by reshape"), scrambled(True, "by reshape")),
        ),
        Mistake(
            "dx_scrambled",
            "Images and places are mixed up in dx. dout.reshape(F, …) does not move the axis of the filters: "
            "use dout.reshape(N, F, L), or transpose first.",
            other_dx(scrambled_dx(True, False)),
        ),
        Mistake(
            "dx_columns_scrambled",
            "Images and places are mixed up in dx. Your columns are one wide matrix, (C·KH·KW, N·L): reshape alone cannot "
            "make (N, C·KH·KW, L) of it. Split N·L first, then transpose; or multiply image by image.",
            other_dx(scrambled_dx(False, True), scrambled_dx(True, True)),
        ),
        Mistake(
            "both_scrambled",
            "Images and places are mixed up in dx and dw. One wide matrix for all images needs the axis of the images "
            "moved, on the way in and on the way out: reshape alone cannot do it. Transpose, or multiply image by image.",
            scrambled_together(
                *(
                    (scrambled(alone, order), scrambled_dx(alone, back), db)
                    for alone, order, back, db in (
                        (True, "by image", False, False),
                        (True, "by image", False, True),
                        (True, "by image", True, False),
                        (True, "by image", True, True),
                        (False, "by reshape", True, False),
                        (True, "by reshape", False, False),
                        (True, "by reshape", True, False),
                        (True, "by reshape", False, True),
                        (True, "by reshape", True, True),
                    )
                )
            ),
        ),
        Mistake(
            "dw_not_added_up",
            "You kept a dw for each image. All images use the same weights, so their gradients add up: .sum(axis=0).",
            other_dw(
                lambda dw, *rest: each_image(dw, *rest).reshape(-1, *dw.shape),
                lambda dw, *rest: each_image(dw, *rest),
            ),
        ),
        Mistake(
            "dw_of_one_image",
            "Only one image counts in dw. The gradients of all images add up: +=, not =.",
            other_dw(
                lambda dw, *rest: each_image(dw, *rest)[-1].reshape(dw.shape),
                lambda dw, *rest: each_image(dw, *rest)[0].reshape(dw.shape),
            ),
        ),
        Mistake(
            "dw_averaged",
            "You divided dw by the number of images or of places. A layer adds up: the loss has taken the mean already.",
            other_dw(
                lambda dw, dout, x, *_: dw / len(x),
                lambda dw, dout, *_: dw / dout[:, 0].numel(),
            ),
        ),
        Mistake(
            "averaged_over_images",
            "You divided dw and db by the number of images. A layer adds up: the loss has taken the mean already.",
            other_gradients(
                lambda dx, dw, db, dout, x, *_: (dx, dw / len(x), db / len(x)),
                lambda dx, dw, db, dout, x, *_: (dx / len(x), dw / len(x), db / len(x)),
            ),
        ),
        Mistake(
            "dx_averaged",
            "You divided dx by the number of images. The loss has taken the mean already: dout holds it.",
            other_dx(lambda dx, *_: dx / len(dx)),
        ),
        Mistake(
            "dw_flat",
            "dw is still a matrix. It has the shape of w: .reshape(w.shape).",
            other_dw(lambda dw, *_: dw.flatten(1), lambda dw, *_: dw.flatten(1).T),
        ),
        Mistake(
            "reshape_for_transpose",
            RESHAPE,
            (
                *other_dw(dw_cut_anew, columns_cut_anew),
                *other_dx(weights_cut_anew),
                *other_gradients(*both_by((0, 4, 5, 1, 2, 3), (0, 1, 4, 5, 2, 3))),
                *other_dx(*folded(*rearranged(read_as(0, 4, 5, 1, 2, 3), read_as(0, 1, 4, 5, 2, 3)))),
                *other_gradients(
                    lambda dx, dw, db, *rest: (weights_cut_anew(dx, *rest), dw_cut_anew(dw), db),
                ),
            ),
        ),
        Mistake(
            "rows_in_another_order",
            "The rows of the columns and the weights of a filter are in different orders. Both must go through channels, "
            "rows and columns of the kernel alike: (c, u, v).",
            (
                *other_gradients(*both_by((0, 2, 3, 1, 4, 5), (0, 1, 3, 2, 4, 5))),
                *other_dx(*folded(*rearranged(read_as(0, 2, 3, 1, 4, 5), read_as(0, 1, 3, 2, 4, 5)))),
            ),
        ),
        Mistake(
            "columns_in_another_order",
            COLUMNS,
            (*other_gradients(*both_by((0, 1, 2, 3, 5, 4))), *other_dx(*folded(*rearranged(read_as(0, 1, 2, 3, 5, 4))))),
        ),
        Mistake(
            "kernel_backwards",
            "You rotated the kernel on the way back. With col2im nothing is rotated: each number goes back where it came from.",
            other_dx(lambda dx, dout, x, w, t, p: gradients(dout, x, w.flip(2, 3), t, p)[0]),
        ),
        Mistake(
            "overwritten",
            OVERWRITTEN,
            other_dx(*folded(overwriting(False), overwriting(True))),
        ),
        Mistake("averaged", AVERAGED, other_dx(*folded(*finished(counted)))),
        Mistake(
            "one_filter_only",
            "Only one filter counts in dx. A pixel is seen by all filters, and their parts add up.",
            other_dx(
                lambda dx, dout, x, w, t, p: gradients(dout[:, :1], x, w[:1], t, p)[0],
                lambda dx, dout, x, w, t, p: gradients(dout[:, -1:], x, w[-1:], t, p)[0],
            ),
        ),
        Mistake("padding_not_cut_off", NOT_CROPPED, other_dx(*folded(*finished(unpadded)))),
        Mistake("empty_slice_at_zero", EMPTY_SLICE, other_dx(*folded(*finished(*crops(lambda p, size: (p, -p)))))),
        Mistake(
            "cut_at_one_end",
            ONE_END,
            other_dx(*folded(*finished(*crops(
                lambda p, size: (0, size), lambda p, size: (2 * p, None), lambda p, size: (p, None),
            )))),
        ),
        Mistake(
            "padding_ignored",
            PADDING,
            (
                *other_gradients(lambda dx, dw, db, dout, x, w, t, p: refuse_if(p, (dx, dw, db))),
                *other_dw(lambda dw, dout, x, w, t, p: refuse_if(p, dw)),
            ),
        ),
        Mistake(
            "stride_ignored",
            STRIDE,
            (
                *other_gradients(lambda dx, dw, db, dout, x, w, t, p: refuse_if(t > 1, (dx, dw, db))),
                *other_dx(*folded(*finished(strides_of_ones(True)))),
            ),
        ),
        Mistake("stride_for_padding", EXCHANGED, other_gradients(both_exchanged)),
        Mistake("left_over_lost", LEFT_OVER, other_dx(*folded(*finished(no_left_over)))),
        Mistake("left_over_of_one_axis", LEFT_OVER_OF_ONE_AXIS, other_dx(*folded(*finished(*map(sized_by, TAKEN_FOR_BOTH))))),
        Mistake("left_over_and_padding", LEFT_OVER_ADDED, other_dx(*folded(*finished(cut_what_was_touched)))),
        Mistake(
            "height_for_width",
            HEIGHT,
            other_gradients(
                lambda dx, dw, db, dout, x, w, t, p: refuse_if(dout.shape[2] != dout.shape[3], (dx, dw, db)),
                lambda dx, dw, db, dout, x, w, t, p: refuse_if(x.shape[2] != x.shape[3], (dx, dw, db)),
            ),
        ),
        Mistake(
            "kernel_height_for_width",
            KERNEL_HEIGHT,
            other_gradients(lambda dx, dw, db, dout, x, w, t, p: refuse_if(w.shape[2] != w.shape[3], (dx, dw, db))),
        ),
        Mistake(
            "db_per_image",
            "db has one number for each filter: (F,). Add dout up over images, rows and columns: axes 0, 2 and 3.",
            other_db(
                lambda db, dout: dout.sum((1, 2, 3)),
                lambda db, dout: dout.sum((2, 3)),
                lambda db, dout: dout.sum(0),
                lambda db, dout: dout.sum((0, 1, 2)),
                lambda db, dout: dout.sum(),
                lambda db, dout: dout.sum((0, 2, 3), keepdim=True),
            ),
        ),
        Mistake(
            "db_scrambled",
            "Images and filters are mixed up in db. dout.reshape(F, …) does not move the axis of the filters. "
            "Add up over axes 0, 2 and 3.",
            other_db(scrambled_db),
        ),
        Mistake(
            "db_averaged",
            "You took a mean in db. It is a sum over images, rows and columns.",
            other_db(
                lambda db, dout: dout.mean((0, 2, 3)),
                lambda db, dout: dout.sum((2, 3)).mean(0),
            ),
        ),
        Mistake(
            "db_of_one_image",
            "Only one image counts in db. All images add up.",
            other_db(lambda db, dout: dout[-1].sum((1, 2)), lambda db, dout: dout[0].sum((1, 2))),
        ),
        Mistake(
            "db_counts",
            "db does not depend on your dout. The bias is added to every output of its filter: so db adds up dout there.",
            other_db(
                lambda db, dout: torch.ones_like(db),
                lambda db, dout: torch.ones_like(db) * dout[:, 0].numel(),
                lambda db, dout: torch.zeros_like(db),
            ),
        ),
        Mistake(
            "dout_left_out",
            "You left out dout: yours are the gradients for an upstream gradient of ones. Every product has dout in it.",
            other_gradients(
                lambda dx, dw, db, dout, x, w, t, p: gradients(torch.ones_like(dout), x, w, t, p),
                lambda dx, dw, db, dout, x, w, t, p: (dx, *gradients(torch.ones_like(dout), x, w, t, p)[1:]),
            ),
        ),
        Mistake(
            "one_image_only",
            "Only one image is right in dx. All N images get a gradient.",
            other_dx(
                lambda dx, *_: kept(0, 0)(dx),
                lambda dx, *_: kept(0, -1)(dx),
                lambda dx, *_: dx[:1].expand_as(dx),
            ),
        ),
        Mistake(
            "images_added_up",
            "You added up the images in dx. Only what all images share, w and b, gets a sum over images.",
            other_dx(
                lambda dx, *_: dx.sum(0, keepdim=True),
                lambda dx, *_: dx.sum(0, keepdim=True).expand_as(dx),
            ),
        ),
        Mistake(
            "one_channel_only",
            "Only one channel is right in dx. Each channel has kernels of its own.",
            other_dx(
                lambda dx, *_: kept(1, 0)(dx),
                lambda dx, *_: dx[:, :1].expand_as(dx),
                lambda dx, *_: dx.sum(1, keepdim=True).expand_as(dx),
            ),
        ),
        Mistake(
            "results_in_another_order",
            "The gradients come in the order of the inputs: dx, dw, db.",
            other_gradients(
                lambda dx, dw, db, *_: (dw, dx, db),
                lambda dx, dw, db, *_: (dw, db, dx),
                lambda dx, dw, db, *_: (db, dw, dx),
                lambda dx, dw, db, *_: (dx, db, dw),
            ),
        ),
        Mistake(
            "begun_with_x",
            "dx began as x. It begins with zeros: np.zeros(x.shape, dtype=x.dtype). `dx = x` is another name for the "
            "same array, so the input changes too.",
            (into_x, *other_dx(lambda dx, dout, x, *_: dx + x)),
        ),
        Mistake("axis_lost", AXIS_LOST, (
            *other_gradients(lambda dx, dw, db, *_: (dx.squeeze(), dw.squeeze(), db.squeeze())),
            *other_dx(lambda dx, *_: dx.squeeze()),
        )),
        Mistake("precision", PRECISION, lost_precision(conv2d_backward_fast)),
    ),
)  # fmt: skip


def refuse_if(wrong, results):
    """`results`, or a ValueError: arrays that do not fit each other."""
    if wrong:
        raise ValueError("operands could not be broadcast together")
    return results


REFERENCES = {
    "im2col": IM2COL,
    "col2im": COL2IM,
    "conv2d_forward_fast": FORWARD,
    "conv2d_backward_fast": BACKWARD,
}
