"""A window that slides over a row or an image, drawn step by step."""

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from labkit.figures.showing import display, factor, number, png, show

CELL = 0.4  # inches one drawn array entry takes
INK, LINE, PADDING, WINDOW, KERNEL, OUTPUT = "#1a1a1a", "#8a8a8a", "#e6e6e6", "#9fd3f2", "#f7d08a", "#d9f0e3"


def window_row(size: int, kernel: int, stride: int = 1, padding: int = 0) -> None:
    """Show every place of a window on a row of `size` entries, and the entries no window reaches."""
    length = size + 2 * padding
    starts = range(0, length - kernel + 1, stride)
    reached = {start + k for start in starts for k in range(kernel)}
    fig, ax, box = _canvas(max(length, 12), 1.4 + 0.55 * len(starts))
    names = [f"$i_{{{i - padding + 1}}}$" if padding <= i < size + padding else "0" for i in range(length)]
    _entries(ax, box, 0, 0, [names], "", lambda _, i: "white" if padding <= i < size + padding else PADDING)
    for i in set(range(length)) - reached:
        box(i, 0, 1, 1, fill=False, hatch="//", edgecolor=LINE)
    for number, start in enumerate(starts):
        box(start, 1.3 + 0.55 * number, kernel, 0.4, facecolor=WINDOW, edgecolor=INK)
        ax.text(start + kernel / 2, 1.5 + 0.55 * number, f"$o_{{{number + 1}}}$", ha="center", va="center")
    row = f"A row of {size}, padding {padding}, kernel {kernel}, stride {stride}. Windows: {len(starts)}. "
    show(fig, f"{row}Entries that no window reaches (hatched): {length - len(reached)}.")


def stepper(x: np.ndarray, w: np.ndarray, stride: int = 1, padding: int = 0, bias: float = 0) -> None:
    """Show a kernel sliding over an input, one output at a time, with a slider where widgets run.

    Shapes: x (W,), (H, W) or (C, H, W); w with as many axes: (KW,), (KH, KW) or (C, KH, KW). A row
    is padded at its two ends only. Where widgets do not run, a still image shows some of the steps.
    Raises ValueError if x and w do not fit each other or the kernel is larger than the padded input.
    """
    if x.ndim != w.ndim or x.ndim not in (1, 2, 3) or (x.ndim == 3 and len(x) != len(w)):
        raise ValueError(f"x has shape {x.shape}, w has {w.shape}; expected both (W,), (H, W) or (C, H, W)")
    border = (padding if x.ndim > 1 else 0, padding)
    lead = (1,) * (3 - x.ndim)
    x = np.pad(x.reshape(lead + x.shape), [(0, 0)] + [(one, one) for one in border])
    w = w.reshape(lead + w.shape)
    if x.shape[1] < w.shape[1] or x.shape[2] < w.shape[2]:
        raise ValueError(f"the kernel {w.shape[1:]} is larger than the padded input {x.shape[1:]}")
    slide = _Slide(x, w, bias, stride, border)
    last = slide.shape[0] * slide.shape[1] - 1
    still = slide.draw(sorted({0, (last + 1) // 2, last}) if len(x) == 1 else [(last + 1) // 2])
    size = " × ".join(str(one) for one in x.shape if one > 1)
    caption = f"A kernel slides over an input of {size} entries, padding included, with stride {stride}. "
    caption += "The frame is the window. Window times kernel gives the products, and their sum is one output."
    try:
        import ipywidgets as widgets
    except ImportError:
        return display({}, still, caption)
    slider = widgets.IntSlider(1, 1, last + 1, description="step", layout={"width": "30em"})
    picture = widgets.HTML()

    def update(_=None) -> None:
        sentence = f"Step {slider.value} of {last + 1}. {slide.worked(slider.value - 1)[1]}"
        image, metadata = png(slide.draw([slider.value - 1]), sentence)
        style = f'width="{metadata["width"]}" alt="{html.escape(sentence, quote=True)}"'
        picture.value = f'<img {style} src="data:image/png;base64,{image}">'

    slider.observe(update, names="value")
    update()
    display(widgets.VBox([slider, picture])._repr_mimebundle_(), still, caption)


@dataclass(frozen=True)
class _Slide:
    """A kernel w (C, KH, KW) on a padded input x (C, H, W), step by step; `border` is the padding."""

    x: np.ndarray
    w: np.ndarray
    bias: float
    stride: int
    border: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int]:
        down, across = (len(range(0, self.x.shape[a] - self.w.shape[a] + 1, self.stride)) for a in (1, 2))
        return down, across

    def corner(self, step: int) -> tuple[int, int]:
        row, column = divmod(step, self.shape[1])
        return row * self.stride, column * self.stride

    def window(self, step: int) -> np.ndarray:
        row, column = self.corner(step)
        return self.x[:, row : row + self.w.shape[1], column : column + self.w.shape[2]]

    def worked(self, step: int) -> tuple[float, str]:
        """One output, and the sentence that works it out term by term."""
        channels = [
            " + ".join(f"{number(a)}·{factor(b)}" for a, b in zip(*both))
            for both in zip(self.window(step).reshape(len(self.x), -1), self.w.reshape(len(self.w), -1))
        ]
        text = channels[0] if len(channels) == 1 else " + ".join(f"({one})" for one in channels)
        text += f" + {factor(self.bias)}" if self.bias else ""
        total = float((self.window(step) * self.w).sum() + self.bias)
        index = ", ".join(str(p) for p, size in zip(divmod(step, self.shape[1]), self.x.shape[1:]) if size > 1)
        return total, f"out[{index}] = {text} = {number(total)}"

    def ground(self, row: int, column: int) -> str:
        top, left, (_, height, width) = *self.border, self.x.shape
        return "white" if top <= row < height - top and left <= column < width - left else PADDING

    def draw(self, steps: Sequence[int]):
        """A figure with a row of drawings for each step: input, kernel, products, outputs so far."""
        (channels, height, width), (kh, kw), (rows, columns) = self.x.shape, self.w.shape[1:], self.shape
        at = np.cumsum([0, width + 1.4, kw + 1.4, kw + 1.8])
        block = height + (1.2 if channels > 1 else 0.8)
        tall = max(channels * block, rows + 0.8) + 1.4
        fig, ax, box = _canvas(max(at[3] + columns, 20), tall * len(steps))
        frame = {"edgecolor": INK, "linewidth": 2.5}
        for level, step in enumerate(steps):
            top, (row, column), products = level * tall + 0.9, self.corner(step), self.window(step) * self.w
            for c in range(channels):
                y = top + c * block
                name = ("padded input" if any(self.border) else "input") + (f", channel {c}" if channels > 1 else "")
                _entries(ax, box, at[0], y, self.x[c], name, self.ground)
                box(column, y + row, kw, kh, facecolor=WINDOW, zorder=1.5, **frame)
                _entries(ax, box, at[1], y, self.w[c], "kernel", lambda *_: KERNEL)
                _entries(ax, box, at[2], y, products[c], "products", lambda *_: WINDOW)
                for middle, sign in ((at[1] - 0.7, "×"), (at[2] - 0.7, "=")):
                    ax.text(middle, y + kh / 2, sign, ha="center", va="center", fontsize=14)
            done = [number(self.worked(one)[0]) if one <= step else "" for one in range(rows * columns)]
            table = np.array(done).reshape(rows, columns)
            _entries(ax, box, at[3], top, table, "output", lambda r, q, table=table: OUTPUT if table[r, q] else "white")
            box(at[3] + step % columns, top + step // columns, 1, 1, fill=False, zorder=4, **frame)
            ax.text(0, top + tall - 1.5, self.worked(step)[1], va="center", fontsize=11)
        return fig


def _entries(ax, box, x: float, y: float, values, title: str, ground: Callable[[int, int], str]) -> None:
    """Draw a matrix of numbers or texts as boxes, its first entry at (x, y), filled as `ground` says."""
    for (r, c), value in np.ndenumerate(np.array(values)):
        box(x + c, y + r, 1, 1, facecolor=ground(r, c), edgecolor=LINE)
        text = value if isinstance(value, str) else number(value)
        ax.text(x + c + 0.5, y + r + 0.5, text, ha="center", va="center", color=INK, zorder=3)
    ax.text(x, y - 0.2, title, va="bottom")


def _canvas(width: float, height: float):
    """A figure, its one axes that counts in array entries (rows downwards), and a drawer of boxes."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    fig = Figure(figsize=(CELL * (width + 0.4), CELL * (height + 0.2)))
    ax = fig.add_axes((0, 0, 1, 1))
    ax.set(xlim=(-0.2, width + 0.2), ylim=(height + 0.1, -0.1))
    ax.axis("off")
    return fig, ax, lambda x, y, w, h, **style: ax.add_patch(Rectangle((x, y), w, h, **style))
