"""The figures: what is displayed, what it says, and that it is really drawn."""

import base64
import io
import re
import subprocess
import sys

import IPython.display
import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt
from PIL import Image

from labkit import figures
from labkit.figures import showing, sliding

WIDGET = "application/vnd.jupyter.widget-view+json"
ROW, ROW_KERNEL = np.array([2, 1, 0, 3, 1]), np.array([1, 2, -1])


@pytest.fixture
def displayed(monkeypatch):
    """The (bundle, metadata) pairs that a notebook would show, in order."""
    seen = []
    monkeypatch.setattr(
        IPython.display, "display", lambda bundle, metadata=None, raw=False: seen.append((bundle, metadata))
    )
    return seen


@pytest.fixture
def drawn(monkeypatch):
    """The matplotlib figures that were turned into PNGs, in order."""
    seen, png = [], showing.png
    for module in (showing, sliding):
        monkeypatch.setattr(module, "png", lambda fig, alt: seen.append(fig) or png(fig, alt))
    return seen


def opened(bundle) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))


def texts(fig) -> list[str]:
    return [text.get_text() for ax in fig.axes for text in ax.texts if text.get_text()]


def test_importing_figures_loads_neither_matplotlib_nor_ipywidgets():
    code = (
        "import sys, labkit.figures; "
        "print([m for m in ('matplotlib', 'ipywidgets', 'IPython', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# show and image_grid ----------------------------------------------------------------------------


def test_the_caption_is_alt_text_and_description_and_stands_below(displayed):
    fig, ax = plt.subplots()
    _ = ax.plot([0, 1])
    caption = "Loss – by epoch, 3 < 4 & falling."
    figures.show(fig, caption)
    (picture, metadata), (below, _) = displayed
    assert metadata["image/png"]["alt"] == caption
    assert opened(picture).text["Description"] == caption
    assert picture["text/plain"] == below["text/plain"] == caption
    assert "Loss – by epoch, 3 &lt; 4 &amp; falling." in below["text/html"]


def test_show_closes_the_figure_and_gives_nothing_back(displayed):
    fig = plt.figure()
    assert figures.show(fig, "Nothing.") is None
    assert not plt.fignum_exists(fig.number)


def test_the_same_figure_gives_the_same_bytes(displayed):
    for _ in range(2):
        figures.window_row(7, 3)
    assert displayed[0][0]["image/png"] == displayed[2][0]["image/png"]


def test_image_grid_draws_every_image_and_says_its_range(displayed, drawn):
    images = [np.eye(4), np.eye(4) - 0.5, np.zeros((3, 5))]
    figures.image_grid(images, ["one", "two", "three"], "Three.", columns=2)
    (fig,) = drawn
    shown = [ax for ax in fig.axes if ax.images]
    assert all(np.array_equal(ax.images[0].get_array(), image) for ax, image in zip(shown, images, strict=True))
    assert [ax.get_title() for ax in shown] == ["one\n0 to 1", "two\n−0.5 to 0.5", "three\n0 to 0"]
    assert len(opened(displayed[0][0]).convert("L").getcolors()) > 2  # not a white sheet


def test_mid_grey_is_zero_where_an_image_has_negative_values(displayed, drawn):
    figures.image_grid([np.array([[-1.0, 3.0]]), np.array([[1.0, 3.0]])], ["signed", "not"], "Two.")
    assert [ax.images[0].get_clim() for ax in drawn[0].axes] == [(-3, 3), (0, 3)]


def test_image_grid_names_counts_that_do_not_fit(displayed):
    with pytest.raises(ValueError, match="2 images and 1 titles"):
        figures.image_grid([np.eye(2)] * 2, ["one"], "Caption.")
    assert displayed == []


# window_row -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding"), [(7, 3, 2, 0), (8, 3, 2, 0), (5, 3, 1, 1), (9, 2, 4, 1), (3, 3, 1, 0)]
)
def test_window_row_counts_as_torch_does(displayed, size, kernel, stride, padding):
    figures.window_row(size, kernel, stride, padding)
    x = torch.zeros(1, 1, size, requires_grad=True)
    out = torch.nn.functional.conv1d(torch.nn.functional.pad(x, (padding, padding)), torch.ones(1, 1, kernel),
                                     stride=stride)  # fmt: skip
    windows, unreached = map(int, re.search(r"Windows: (\d+)\. .*: (\d+)\.$", displayed[0][0]["text/plain"]).groups())
    assert windows == out.shape[-1]
    reached = {start * stride + k for start in range(windows) for k in range(kernel)}
    assert unreached == size + 2 * padding - len(reached)


# stepper ----------------------------------------------------------------------------------------


def test_stepper_shows_a_widget_with_a_still_image_beside_it(displayed):
    assert figures.stepper(ROW, ROW_KERNEL, stride=2, padding=1) is None
    (bundle, metadata), (below, _) = displayed
    assert {WIDGET, "image/png", "text/plain"} <= bundle.keys()
    assert metadata["image/png"]["alt"] == bundle["text/plain"] == below["text/plain"]
    assert "7 entries" in bundle["text/plain"]


def test_stepper_shows_the_still_image_alone_where_there_are_no_widgets(displayed, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    figures.stepper(ROW, ROW_KERNEL)
    bundle, _ = displayed[0]
    assert bundle.keys() == {"image/png", "text/plain"}
    assert len(opened(bundle).convert("L").getcolors()) > 2


def test_stepper_works_a_row_out_term_by_term(displayed, drawn, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    figures.stepper(ROW, ROW_KERNEL, stride=2, padding=1)
    said = [text for text in texts(drawn[0]) if text.startswith("out[")]
    assert said == [
        "out[0] = 0·1 + 2·2 + 1·(−1) = 3",
        "out[1] = 1·1 + 0·2 + 3·(−1) = −2",
        "out[2] = 3·1 + 1·2 + 0·(−1) = 5",
    ]


@pytest.mark.parametrize("settings", [{}, {"stride": 2}, {"padding": 1, "bias": -1}, {"stride": 3, "padding": 2}])
def test_moving_the_slider_shows_what_torch_computes(displayed, monkeypatch, settings):
    import ipywidgets

    made = []
    monkeypatch.setattr(ipywidgets, "VBox", lambda children: made.append(children) or ipywidgets.Box(children))
    rng = np.random.default_rng(2)
    x, w = rng.integers(-3, 4, (2, 3, 5)), rng.integers(-3, 4, (2, 2, 3))
    before = x.copy(), w.copy()
    figures.stepper(x, w, **settings)
    (slider, picture), = made
    bias = torch.tensor([float(settings.get("bias", 0))])
    more = {name: value for name, value in settings.items() if name != "bias"}
    expected = torch.nn.functional.conv2d(torch.tensor(x[None]).double(), torch.tensor(w[None]).double(),
                                          bias.double(), **more)[0, 0].numpy()  # fmt: skip
    assert slider.max == expected.size
    for step, index in list(enumerate(np.ndindex(expected.shape)))[:: max(1, expected.size // 5)]:
        slider.value = step + 1
        alt = re.search(r'alt="([^"]*)"', picture.value)[1].replace("−", "-")
        assert alt.startswith(f"Step {step + 1} of {expected.size}. out[{index[0]}, {index[1]}] = ")
        assert float(alt.rsplit("= ", 1)[1]) == expected[index]
    assert np.array_equal(x, before[0]) and np.array_equal(w, before[1])


def test_stepper_says_what_does_not_fit(displayed):
    with pytest.raises(ValueError, match=r"kernel \(3, 4\) is larger than the padded input \(5, 3\)"):
        figures.stepper(np.ones((5, 3)), np.ones((3, 4)))
    with pytest.raises(ValueError, match=r"x has shape \(2, 4, 4\), w has \(3, 2, 2\)"):
        figures.stepper(np.ones((2, 4, 4)), np.ones((3, 2, 2)))
    with pytest.raises(ValueError, match=r"x has shape \(4, 4\), w has \(3,\)"):
        figures.stepper(np.ones((4, 4)), np.ones(3))
    assert displayed == []


# your_code --------------------------------------------------------------------------------------


def test_a_stub_is_named_and_the_notebook_goes_on(capsys):
    with figures.your_code():
        raise NotImplementedError("Lab 2: conv2d_forward")
    assert capsys.readouterr().out == "Nothing to see yet: write conv2d_forward first, then run this cell again.\n"


@pytest.mark.parametrize(
    "error",
    [ValueError("wrong"), NotImplementedError(), NotImplementedError("not this way"), AssertionError(), KeyError("x")],
)
def test_every_other_error_comes_through(error, capsys):
    with pytest.raises(type(error)) as caught, figures.your_code():
        raise error
    assert caught.value is error
    assert capsys.readouterr().out == ""


def test_an_experiment_that_works_is_left_alone(capsys):
    with figures.your_code():
        print("done")
    assert capsys.readouterr().out == "done\n"


# heat maps, lines and bars ------------------------------------------------------------------------


def test_a_heat_map_has_one_scale_and_writes_out_small_matrices(displayed, drawn):
    figures.heat_map([np.array([[0.0, 0.25]]), np.array([[1.0, np.nan]])], ["one", "two"], "Two.")
    (fig,) = drawn
    first, second, *_ = fig.axes
    assert first.images[0].get_clim() == second.images[0].get_clim() == (0, 1)
    assert [text.get_text() for ax in (first, second) for text in ax.texts] == ["0", "0.25", "1", "nan"]
    assert displayed[0][1]["image/png"]["alt"] == "Two."


def test_a_large_or_constant_heat_map_is_drawn_without_numbers(displayed, drawn):
    figures.heat_map([np.zeros((3, 40))], ["zeros"], "Zeros.")
    assert not drawn[0].axes[0].texts and drawn[0].axes[0].images[0].get_clim() == (0, 1)


def test_lines_differ_by_more_than_colour(displayed, drawn):
    figures.curves({str(n): ([1, 10], [n, n + 1]) for n in range(8)}, "h", "error", "Eight.", log="x", markers=True)
    (ax,) = drawn[0].axes
    styles = {(str(line._dash_pattern), line.get_marker()) for line in ax.lines}
    assert len(styles) == 8
    assert ax.get_xscale() == "log" and ax.get_yscale() == "linear"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list("01234567")


def test_bars_carry_their_heights_or_a_legend(displayed, drawn):
    figures.bars({"one": [0.5, 0.25]}, ["a", "b"], "share", "Bars.")
    figures.bars({"one": [1, 2], "two": [3, 4]}, ["a", "b"], "share", "Pairs.")
    assert [text.get_text() for text in drawn[0].axes[0].texts] == ["0.5", "0.25"]
    assert len({bar.get_hatch() for bar in drawn[1].axes[0].patches}) == 2


@pytest.mark.parametrize(
    ("draw", "told"),
    [
        (lambda: figures.heat_map([np.eye(2)], [], "No title."), "1 arrays and 0 titles"),
        (lambda: figures.curves({}, "x", "y", "None."), "expected 1 to 8"),
        (lambda: figures.curves({"a": ([1], [1])}, "x", "y", "Log.", log="z"), "log is 'z'"),
        (lambda: figures.bars({"a": [1]}, ["x", "y"], "y", "Short."), "1 heights for 2 labels"),
    ],
)
def test_what_cannot_be_drawn_is_told(draw, told):
    with pytest.raises(ValueError, match=told):
        draw()
