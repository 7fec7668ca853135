"""The plots of the class summary, as SVG that stands in the page. Same numbers in, same bytes out.

matplotlib is imported where it draws, so that reading records does not wait for it.
"""

import io
import re
from collections.abc import Mapping, Sequence

INK, FILL = "#1a1a1a", "#0072b2"
# Told apart by brightness and pattern as well as by hue: they are printed in grey.
STATES = {
    "right": ("#0b4f7d", ""),
    "right with a right helper": ("#7db7dc", ""),
    "partly right": ("#7db7dc", "///"),
    "wrong": ("#f0a875", "xxx"),
    "not answered": ("#ffffff", ""),
}
SETTINGS = {"svg.fonttype": "path", "font.size": 10, "hatch.linewidth": 0.6, "font.family": "DejaVu Sans"}


def points_plot(points: Mapping[float, int], most: float, name: str) -> str:
    """How many students have how many points. points: students by points, 0 to `most`."""
    step = max(1, -(-int(most) // 25))  # at most about 25 bars
    bars: dict[int, int] = {}
    for value, count in points.items():
        bars[int(value // step) * step] = bars.get(int(value // step) * step, 0) + count

    def draw(axes):
        axes.bar([left + (step - 1) / 2 for left in bars], list(bars.values()), width=0.85 * step, color=FILL)
        axes.set_xlabel("points" if step == 1 else f"points, {step} to a bar")
        axes.set_ylabel("students")
        axes.set_xlim(-0.7, most + 0.7)
        axes.yaxis.get_major_locator().set_params(integer=True)
        axes.xaxis.get_major_locator().set_params(integer=True)

    return drawn(draw, f"points-{name}", 2.6)


def states_plot(exercises: Sequence[str], counts: Sequence[Mapping[str, int]], name: str) -> str:
    """For each exercise, top down, a bar of its states. counts: students by state, an exercise each."""

    def draw(axes):
        left = [0] * len(exercises)
        for state, (colour, hatch) in STATES.items():
            width = [one.get(state, 0) for one in counts]
            if any(width):
                axes.barh(
                    range(len(exercises)), width, 0.7, left, color=colour, hatch=hatch, edgecolor=INK, linewidth=0.6,
                    label=state,
                )
            left = [a + b for a, b in zip(left, width)]
        axes.set_yticks(range(len(exercises)), exercises)
        axes.invert_yaxis()
        axes.set_xlabel("students")
        axes.xaxis.get_major_locator().set_params(integer=True)
        if any(left):
            axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False, fontsize=9)

    return drawn(draw, f"states-{name}", 1.5 + 0.32 * len(exercises))


def drawn(draw, salt: str, height: float) -> str:
    """What `draw` puts on axes, as an SVG element; `salt` keeps the names in it apart from those of other plots."""
    from matplotlib import style
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with style.context(["default", {**SETTINGS, "svg.hashsalt": salt}]):
        figure = Figure(figsize=(5, height), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.subplots()
        axes.spines[["top", "right"]].set_visible(False)
        draw(axes)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata=nothing, transparent=True)
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'<g id="[^"]*">', "<g>", svg)  # the same in every plot, and nothing refers to them
    svg = re.sub(r"<style[^>]*>.*?</style>", "", svg, flags=re.DOTALL)  # it would hold for the whole page
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{salt}-", svg)  # letters too are named alike in every plot
    return svg.replace("<svg", '<svg aria-hidden="true" stroke-linejoin="round" stroke-linecap="butt"', 1)
