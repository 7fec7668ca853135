"""The plots of the class summary, as SVG that stands in the page. Same numbers in, same bytes out.

Here is where things go; templates/plot_*.svg draw them. Lengths are in units of the page's text: 14 is its height.
"""

from collections.abc import Mapping, Sequence
from itertools import count

from labkit.grading.exports.pages import page

WIDTH, MARGIN = 520, 10
LETTER = 7.8  # widest letter of exercise names, which stand in a font of even width
MOST_BARS, MOST_TICKS = 25, 8
# Told apart by brightness and pattern as well as by hue: they are printed in grey.
STATES = {
    "right": ("#0b4f7d", ""),
    "right with a right helper": ("#7db7dc", ""),
    "partly right": ("#7db7dc", "stripes"),
    "wrong": ("#f0a875", "crosses"),
    "not answered": ("#ffffff", ""),
}


def points_plot(points: Mapping[float, int], most: float) -> str:
    """How many students have how many points, as an upright bar each. points: students by points, 0 to `most`."""
    step = max(1, -(-int(most) // MOST_BARS))
    bars: dict[int, int] = {}
    for value, students in points.items():
        bars[int(value // step)] = bars.get(int(value // step), 0) + students
    left, top, bottom = 50, MARGIN, 190
    slot = (WIDTH - left - MARGIN) / (int(most // step) + 1)
    high = (bottom - top) / max(bars.values(), default=1)
    return page(
        "plot_points.svg",
        width=WIDTH, left=left, bottom=bottom,
        bars=[
            (left + (place + 0.08) * slot, bottom - students * high, 0.84 * slot, students * high)
            for place, students in sorted(bars.items())
        ],
        points=[(left + (place + 0.5) * slot, place * step) for place in ticks(most // step)],
        students=[(bottom - value * high, value) for value in ticks(max(bars.values(), default=0))],
        unit="points" if step == 1 else f"points, {step} to a bar",
    )  # fmt: skip


def states_plot(exercises: Sequence[str], counts: Sequence[Mapping[str, int]], name: str) -> str:
    """For each exercise, top down, a bar of its states. counts: students by state, an exercise each.

    name: keeps the patterns of this plot apart from those of others in the page.
    """
    used = [state for state in STATES if any(one.get(state) for one in counts)]
    legend = [(MARGIN + at % 2 * WIDTH / 2, MARGIN + 20 * (at // 2), state) for at, state in enumerate(used)]
    top = MARGIN + 20 * -(-len(used) // 2) + 8
    left = MARGIN + LETTER * max(map(len, exercises), default=0) + 8
    most = max((sum(one.values()) for one in counts), default=0)
    wide = (WIDTH - left - 2 * MARGIN) / max(most, 1)
    bars = []
    for row, one in enumerate(counts):
        begin = 0
        for state in STATES:
            if students := one.get(state, 0):
                bars.append((left + begin * wide, top + 26 * row, students * wide, state))
                begin += students
    return page(
        "plot_states.svg",
        width=WIDTH, left=left, top=top, bottom=top + 26 * len(exercises), name=name,
        exercises=[(top + 26 * row, exercise) for row, exercise in enumerate(exercises)],
        bars=bars, legend=legend, states=STATES,
        students=[(left + value * wide, value) for value in ticks(most)],
    )  # fmt: skip


def ticks(most: float) -> range:
    """0 and further round numbers, up to `most`."""
    steps = (factor * 10**power for power in count() for factor in (1, 2, 5))
    step = next(step for step in steps if most <= MOST_TICKS * step)
    return range(0, int(most) + 1, step)
