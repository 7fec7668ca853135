"""Figures of the notebooks: captioned, readable in grey, and readable where no widget runs.

matplotlib and ipywidgets are imported where they are used, so importing this costs nothing.
No function here returns numbers: they draw what the notebooks explain.
"""

from labkit.figures.lines import bars, curves
from labkit.figures.pictures import heat_map, image_grid
from labkit.figures.pooling import way_back
from labkit.figures.showing import show, your_code
from labkit.figures.sliding import stepper, window_row
from labkit.figures.spread import bands

__all__ = ["bands", "bars", "curves", "heat_map", "image_grid", "show", "stepper", "way_back", "window_row", "your_code"]
