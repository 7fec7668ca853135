"""Arrays as pictures: images in grey, heat maps of what differs."""

from collections.abc import Sequence

import numpy as np

from labkit.figures.showing import number, show

MOST_NUMBERED = 12  # rows and columns of a heat map whose entries are written out


def image_grid(images: Sequence[np.ndarray], titles: Sequence[str], caption: str, columns: int = 4) -> None:
    """Show images of shape (H, W) side by side in grey, with their smallest and largest values where these differ.

    An image without negative values goes from black (0) to white. Where there are negative values,
    mid-grey is zero, black negative and white positive. Raises ValueError if titles do not fit.
    """
    from matplotlib.figure import Figure

    if len(images) != len(titles):
        raise ValueError(f"{len(images)} images and {len(titles)} titles; expected one title for each image")
    rows, columns = -(-len(images) // columns), min(columns, len(images))
    fig = Figure(figsize=(2.1 * columns, 2.6 * rows), layout="constrained")
    axes = fig.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes:
        ax.axis("off")
    ranges = [f"{number(round(float(np.min(one)), 2))} to {number(round(float(np.max(one)), 2))}" for one in images]
    for ax, image, title, told in zip(axes, images, titles, ranges):
        low, high = float(np.min(image)), float(np.max(image))
        limit = max(-low, high) or 1.0
        ax.imshow(image, cmap="gray", vmin=-limit if low < 0 else 0, vmax=limit)
        ax.set_title(f"{title}\n{told}" if len(set(ranges)) > 1 else title, fontsize=10)
    show(fig, caption)


def heat_map(arrays: Sequence[np.ndarray], titles: Sequence[str], caption: str, columns: int = 4) -> None:
    """Show matrices (rows, columns) as colours on one common scale, dark for small and bright for large.

    Matrices of at most 12 rows and columns carry their numbers too. Entries that are not finite are hatched.
    Raises ValueError if titles do not fit.
    """
    from matplotlib.figure import Figure

    if len(arrays) != len(titles):
        raise ValueError(f"{len(arrays)} arrays and {len(titles)} titles; expected one title for each array")
    rows, columns = -(-len(arrays) // columns), min(columns, len(arrays))
    finite = np.concatenate([array[np.isfinite(array)].ravel() for array in arrays])
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    widest, tallest = (max(array.shape[axis] for array in arrays) for axis in (1, 0))
    numbers = max(widest, tallest) <= MOST_NUMBERED
    cell = 0.5 if numbers else min(0.5, 4 / max(widest, tallest))
    size = max(2.2, cell * widest + 0.6), max(1.4, cell * tallest + 0.7)
    fig = Figure(figsize=(size[0] * columns + 0.9, size[1] * rows), layout="constrained")
    axes = fig.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes[len(arrays) :]:
        ax.axis("off")
    for ax, array, title in zip(axes, arrays, titles):
        image = ax.imshow(np.ma.masked_invalid(array), cmap="viridis", vmin=low, vmax=high if high > low else low + 1)
        ax.set_facecolor("white")
        ax.patch.set(hatch="///", edgecolor="#8a8a8a")
        ax.set_title(title, fontsize=10)
        ax.set(xticks=[], yticks=[])
        for (row, column), value in np.ndenumerate(array) if numbers else ():
            bright = not np.isfinite(value) or value > (low + high) / 2
            colour = "black" if bright else "white"
            ax.text(column, row, number(float(f"{value:.2g}")), ha="center", va="center", color=colour, fontsize=9)
    fig.colorbar(image, ax=list(axes), shrink=0.8)
    show(fig, caption)
