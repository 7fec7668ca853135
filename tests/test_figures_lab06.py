"""The figures made for lab 6: bands around lines, and the way back through max pooling."""

import IPython.display
import numpy as np
import pytest

from labkit import figures
from labkit.figures import pooling, showing, spread


@pytest.fixture
def displayed(monkeypatch):
    """The (bundle, metadata) pairs that a notebook would show, in order."""
    seen = []
    monkeypatch.setattr(
        IPython.display, "display", lambda bundle, metadata=None, raw=False: seen.append((bundle, metadata))
    )
    return seen


@pytest.fixture
def drawn(monkeypatch, displayed):
    """The matplotlib figures that were shown, in order."""
    seen = []
    for module in (pooling, spread):
        monkeypatch.setattr(module, "show", lambda fig, caption: seen.append(fig) or showing.show(fig, caption))
    return seen


def texts(fig) -> list[str]:
    return [text.get_text() for ax in fig.axes for text in ax.texts]


X = np.array([[1.0, 4, 2], [0, 3, 6], [5, 6, 6]])
DOUT = np.array([[7.0, 8], [9, 10]])
DX = np.array([[0.0, 7, 0], [0, 0, 18], [0, 9, 0]])


def test_way_back_draws_all_numbers_and_says_what_is_seen(drawn, displayed):
    figures.way_back(X, DOUT, DX, kernel_size=2, stride=1)
    (fig,) = drawn
    written = texts(fig)
    assert [one for one in written if one in ("x", "dout", "dx")] == ["x", "dout", "dx"]
    assert sorted(one for one in written if one.isdigit()) == sorted(
        str(int(one)) for array in (X, DOUT, DX) for one in array.ravel()
    )
    alt = displayed[0][1]["image/png"]["alt"]
    assert "window 2, stride 1" in alt and "(4, 6, 6)" in alt
    assert "Hatched: entries that are as large, but later." in alt


def test_way_back_frames_each_window_twice_and_hatches_ties(drawn):
    figures.way_back(X, DOUT, DX, kernel_size=2, stride=1)
    patches = drawn[0].axes[0].patches
    frames = [patch for patch in patches if not patch.get_fill() and not patch.get_hatch()]
    styles = {(patch.get_edgecolor(), str(patch.get_linestyle())) for patch in frames}
    assert len(frames) == 2 * DOUT.size and len(styles) == DOUT.size
    assert sum(bool(patch.get_hatch()) for patch in patches) == 1  # the 6 in the corner; the other two win a window


def test_way_back_draws_dx_as_it_comes(drawn):
    """A wrong dx is drawn wrong: the figure computes none."""
    figures.way_back(X, DOUT, np.full((3, 3), 77.0), kernel_size=2, stride=1)
    assert texts(drawn[0]).count("77") == 9


def test_way_back_without_ties_speaks_of_none(displayed):
    figures.way_back(np.arange(8.0).reshape(2, 4), np.ones((1, 2)), np.zeros((2, 4)), kernel_size=2)
    assert "Hatched" not in displayed[0][1]["image/png"]["alt"]


@pytest.mark.parametrize(
    ("x", "dout", "dx", "words"),
    [
        (X[None], DOUT, DX, "expected"),
        (X, DOUT, DX[:2], "expected"),
        (X, np.ones((3, 2)), DX, "do not fit"),
        (np.ones((4, 4)), np.ones((3, 3)), np.ones((4, 4)), "at most 8"),
    ],
)
def test_way_back_refuses_what_does_not_fit(x, dout, dx, words):
    with pytest.raises(ValueError, match=words):
        figures.way_back(x, dout, dx, kernel_size=2, stride=1)


def test_bands_draw_the_median_and_the_quantiles(drawn, displayed):
    values = np.arange(11.0)[:, None] * np.array([1.0, 2.0])
    figures.bands({"one": ([0, 1], values), "other": ([0, 1], values + 100)}, "x", "y", "A caption.")
    (ax,) = drawn[0].axes
    lines = [line.get_ydata().tolist() for line in ax.lines]
    assert lines[:3] == [[5, 10], [1, 2], [9, 18]]
    assert len(ax.collections) == 2
    assert len({line.get_linestyle() for line in ax.lines}) == 2  # told apart in grey, too
    (legend,) = drawn[0].legends
    assert [text.get_text() for text in legend.get_texts()] == ["one", "other"]
    assert displayed[0][1]["image/png"]["alt"] == "A caption."


def test_bands_take_other_quantiles_and_a_single_line_has_no_legend(drawn):
    figures.bands({"one": ([0.5, 1], np.arange(5.0)[:, None] * np.ones(2))}, "x", "y", "A caption.", between=(0, 1))
    assert [line.get_ydata().tolist() for line in drawn[0].axes[0].lines] == [[2, 2], [0, 0], [4, 4]]
    assert not drawn[0].legends


@pytest.mark.parametrize("lines", [{}, {"a": ([0, 1], np.ones(2))}, {"a": ([0, 1], np.ones((3, 3)))}])
def test_bands_refuse_what_does_not_fit(lines):
    with pytest.raises(ValueError, match="expected"):
        figures.bands(lines, "x", "y", "A caption.")
