"""Lines and bars that can be told apart in colour and in grey."""

from collections.abc import Mapping, Sequence

import numpy as np

from labkit.figures.showing import show

# Colours of Okabe and Ito (2008), told apart by colour-blind people; dashes, markers and hatches for the others.
COLOURS = ("#000000", "#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5a5a5a")
DASHES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)), (0, (8, 2)), (0, (3, 5)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
HATCHES = ("", "///", "...", "xx", "\\\\\\", "++", "oo", "--")


def curves(
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    x_label: str,
    y_label: str,
    caption: str,
    log: str = "",
    limits: tuple[float, float] | None = None,
    markers: bool = False,
) -> None:
    """Show lines y against x, one for each name, with a legend.

    lines     name -> (x, y), two sequences of the same length
    log       axes with a logarithmic scale: "", "x", "y" or "xy"
    limits    lowest and highest y that are shown
    markers   mark the points too

    Raises ValueError for more lines than can be told apart, or another `log`.
    """
    from matplotlib.figure import Figure

    enough(lines)
    if log not in ("", "x", "y", "xy"):
        raise ValueError(f'log is {log!r}; expected "", "x", "y" or "xy"')
    fig = Figure(figsize=(6.4, 3.6), layout="constrained")
    ax = fig.subplots()
    for style, (name, (x, y)) in enumerate(lines.items()):
        marker = MARKERS[style] if markers else None
        ax.plot(x, y, label=name, color=COLOURS[style], linestyle=DASHES[style], marker=marker, markersize=5)
    if "x" in log:
        ax.set_xscale("log")
    elif all(float(one).is_integer() for x, _ in lines.values() for one in x):
        ax.xaxis.get_major_locator().set_params(integer=True)  # there is no epoch 2.5
    if "y" in log:
        ax.set_yscale("log")
    if limits:
        ax.set_ylim(*limits)
    ax.set(xlabel=x_label, ylabel=y_label)
    ax.grid(color="#e0e0e0")
    if len(lines) > 1:
        ax.legend()
    show(fig, caption)


def bars(groups: Mapping[str, Sequence[float]], labels: Sequence[str], y_label: str, caption: str) -> None:
    """Show a bar for each label, side by side for each group; with one group, its height above each bar.

    groups    name -> one height a label

    Raises ValueError for more groups than can be told apart, or heights that do not fit the labels.
    """
    from matplotlib.figure import Figure

    enough(groups)
    for name, heights in groups.items():
        if len(heights) != len(labels):
            raise ValueError(f"{name} has {len(heights)} heights for {len(labels)} labels; expected one for each")
    fig = Figure(figsize=(max(4.0, 1.0 + 0.35 * len(labels) * (len(groups) + 1)), 3.4), layout="constrained")
    ax = fig.subplots()
    width = 0.8 / len(groups)
    for style, (name, heights) in enumerate(groups.items()):
        at = np.arange(len(labels)) + (style - (len(groups) - 1) / 2) * width
        colour = COLOURS[(style + 2) % len(COLOURS)]
        drawn = ax.bar(at, heights, width, label=name, color=colour, hatch=HATCHES[style], edgecolor="white")
        if len(groups) == 1:
            ax.bar_label(drawn, fmt="{:.3g}", fontsize=9)
            ax.margins(y=0.12)  # room for the highest bar's number
    ax.set_xticks(range(len(labels)), labels)
    ax.set_ylabel(y_label)
    if len(groups) > 1:
        ax.legend()
    show(fig, caption)


def enough(named: Mapping[str, object]) -> None:
    """Raise ValueError unless there is a style of its own for each name."""
    if not 0 < len(named) <= len(COLOURS):
        raise ValueError(f"{len(named)} came; expected 1 to {len(COLOURS)}: more cannot be told apart")
