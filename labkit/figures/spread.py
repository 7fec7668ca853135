"""Lines with the spread around them."""

from collections.abc import Mapping, Sequence

import numpy as np

from labkit.figures.lines import COLOURS, DASHES, MARKERS, enough
from labkit.figures.showing import show


def bands(
    lines: Mapping[str, tuple[Sequence[float], np.ndarray]],
    x_label: str,
    y_label: str,
    caption: str,
    between: tuple[float, float] = (0.1, 0.9),
) -> None:
    """Show, for each name, the median of several curves against x, and a grey band that holds most of them.

    lines     name -> (x, values), values of shape (curves, len(x))
    between   the quantiles at which a band begins and ends

    Raises ValueError for more lines than can be told apart, or values that do not fit x.
    """
    from matplotlib.figure import Figure

    enough(lines)
    fig = Figure(figsize=(6.4, 3.8), layout="constrained")
    ax = fig.subplots()
    for style, (name, (x, values)) in enumerate(lines.items()):
        values = np.asarray(values)
        if values.ndim != 2 or values.shape[1] != len(x):
            raise ValueError(f"{name} has values of shape {values.shape} for {len(x)} x; expected (curves, {len(x)})")
        low, middle, high = np.quantile(values, (between[0], 0.5, between[1]), axis=0)
        look = {"color": COLOURS[style], "linestyle": DASHES[style]}
        ax.plot(x, middle, label=name, marker=MARKERS[style], markersize=5, **look)
        ax.fill_between(x, low, high, color=COLOURS[style], alpha=0.15, linewidth=0)
        for edge in (low, high):
            ax.plot(x, edge, linewidth=0.7, **look)
    ax.set(xlabel=x_label, ylabel=y_label)
    if all(float(one).is_integer() for x, _ in lines.values() for one in x):
        ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid(color="#e0e0e0")
    if len(lines) > 1:
        fig.legend(loc="outside upper center", ncols=2)  # bands leave no room inside
    show(fig, caption)
