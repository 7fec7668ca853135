"""The way of a gradient back through max pooling, drawn."""

import numpy as np

from labkit.figures.lines import COLOURS, DASHES
from labkit.figures.showing import number, show
from labkit.figures.sliding import INK, LINE, OUTPUT, WINDOW, _canvas, _entries

INSET = 0.07  # by how much the frame of each next window is smaller, so that frames of windows that overlap differ


def way_back(x: np.ndarray, dout: np.ndarray, dx: np.ndarray, kernel_size: int, stride: int | None = None) -> None:
    """Show one image, the gradients of its windows, and the gradient of the image, side by side.

    x and dx have the shape (H, W), dout has (OH, OW). Each window has a frame of its own style, in x and around its
    gradient in dout. An entry that is the first largest of a window is blue; one that is as large, but later, is
    hatched. In dx the entries that are not 0 are green. dx is drawn as it comes: nothing here computes it.

    Raises ValueError where the shapes do not fit, or where there are more windows than styles.
    """
    stride = kernel_size if stride is None else stride
    if x.ndim != 2 or dx.shape != x.shape or dout.ndim != 2:
        came = f"{x.shape}, {dout.shape}, {dx.shape}"
        raise ValueError(f"x, dout and dx have shapes {came}; expected (H, W), (OH, OW), (H, W)")
    if any((count - 1) * stride + kernel_size > size for count, size in zip(dout.shape, x.shape)):
        raise ValueError(f"dout has the shape {dout.shape}: so many windows do not fit an image of {x.shape}")
    if dout.size > len(COLOURS):
        raise ValueError(f"{dout.size} windows came; expected at most {len(COLOURS)}: more cannot be told apart")
    (height, width), (rows, columns) = x.shape, dout.shape
    at = np.cumsum([0.2, width + 1.6, columns + 1.6])
    fig, ax, box = _canvas(at[2] + width, max(height, rows) + 1.3)
    windows = {
        (i, j): x[i * stride : i * stride + kernel_size, j * stride : j * stride + kernel_size]
        for i, j in np.ndindex(*dout.shape)
    }
    first, tied = set(), set()
    for (i, j), window in windows.items():
        largest = [(i * stride + u, j * stride + v) for u, v in np.argwhere(window == window.max())]
        first.add(largest[0])
        tied |= set(largest[1:])
    top = 0.9
    _entries(ax, box, at[0], top, x, "x", lambda r, c: WINDOW if (r, c) in first else "white")
    _entries(ax, box, at[1], top, dout, "dout", lambda r, c: "white")
    _entries(ax, box, at[2], top, dx, "dx", lambda r, c: OUTPUT if dx[r, c] else "white")
    for r, c in tied - first:
        box(at[0] + c, top + r, 1, 1, fill=False, hatch="///", edgecolor=LINE, linewidth=0)
    for style, (i, j) in enumerate(windows):
        frame = {"fill": False, "edgecolor": COLOURS[style], "linestyle": DASHES[style], "linewidth": 2.2, "zorder": 4}
        inset = INSET * (1 + style % 4)
        size = kernel_size - 2 * inset
        box(at[0] + j * stride + inset, top + i * stride + inset, size, size, **frame)
        box(at[1] + j + INSET, top + i + INSET, 1 - 2 * INSET, 1 - 2 * INSET, **frame)
    for place, sign in ((at[1] - 0.8, "and"), (at[2] - 0.8, "give")):
        ax.text(place, top + 0.5, sign, ha="center", va="center", color=INK)
    largest = ", ".join(number(float(x[place])) for place in sorted(first))
    text = f"Back through max pooling, window {kernel_size}, stride {stride}. "
    text += f"Left: x; each window has a frame of its own. Blue: the first largest entries ({largest}). "
    text += "Hatched: entries that are as large, but later. " if tied - first else ""
    show(fig, text + "Middle: dout, in the frames of the windows. Right: dx; green where it is not 0.")
