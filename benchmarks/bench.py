"""`python benchmarks/bench.py`: a training step of six networks, labkit beside torch. About three minutes.

Forward, loss, backward and update, float32, on random images. One thread: both sides in one process, their steps
interleaved, medians. Two threads: processes of their own, which alternate.
"""

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
SIZES = (1, 16, 64, 1024)
TWO_THREAD_SIZES = (64, 1024)
BUDGET = 1.5  # seconds of measuring for each network and batch size, at least
STEPS = (5, 200)  # of each side, at least and at most
READY = "LABKIT_BENCH_READY"
TUNED = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")  # they choose another BLAS kernel than the processor's own
MARK = "<!-- table: written by `python benchmarks/bench.py --readme` -->"


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one training step."""

    size: int
    network: int
    ours: float
    theirs: float

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="N", help="batch sizes (default: %(default)s)")
    parser.add_argument("--one-thread", action="store_true", help="leave out the measurement with two threads")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the ratios into FILE (.png, .svg, .pdf)")
    parser.add_argument("--readme", action="store_true", help="write what is printed into benchmarks/README.md")
    options = parser.parse_args()
    if min(options.sizes) < 1:
        parser.error("--sizes: a batch has at least one image.")
    if READY not in os.environ:
        sys.exit(subprocess.run([sys.executable, *sys.argv], env=environment(1)).returncode)

    started = time.perf_counter()
    lines = [*machine(), ""]
    timings = [timing for size in options.sizes for timing in interleaved(size)]
    lines += ["One thread:", "", *table(timings), "", *verdict(timings)]
    if not options.one_thread:
        sizes = [size for size in TWO_THREAD_SIZES if size in options.sizes]
        if sizes:
            lines += ["", "Two threads, each side in processes of its own, in turn (no gate):", ""]
            lines += table(separate(sizes, threads=2))
    lines += ["", f"Measured in {time.perf_counter() - started:.0f} seconds."]
    text = "\n".join(lines)
    print(text)
    if options.readme:
        readme = HERE / "README.md"
        readme.write_text(readme.read_text(encoding="utf-8").split(MARK)[0] + f"{MARK}\n\n{text}\n", encoding="utf-8")
    if options.plot:
        plot(timings, options.plot)


def environment(threads: int) -> dict[str, str]:
    """Of a measuring process: so many threads, and the BLAS kernel of this processor."""
    for name in TUNED:
        if name in os.environ:
            print(f"{name}={os.environ[name]} is set; the benchmark runs without it.", file=sys.stderr)
    kept = {name: value for name, value in os.environ.items() if name not in TUNED}
    counts = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    return {**kept, **counts, READY: "1"}


def machine() -> list[str]:
    """What ran: processor, versions, kernels."""
    import numpy as np
    import torch

    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    # OpenBLAS names the kernel it chose when it is loaded; other libraries say nothing here.
    spoken = subprocess.run(
        [sys.executable, "-c", "import numpy"], env={**os.environ, "OPENBLAS_VERBOSE": "2"}, capture_output=True, text=True
    )
    said = (spoken.stdout + spoken.stderr).split()
    core = said[said.index("Core:") + 1] if "Core:" in said else "not told"
    return [
        f"{processor()}, {platform.system()}, Python {platform.python_version()}  ",
        f"NumPy {np.__version__}, {blas['name']} {blas['version']}, kernel {core}  ",
        f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}",
    ]


def processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def interleaved(size: int) -> list[Timing]:
    """Every network at this batch size, one thread, our steps and torch's by turns."""
    import torch
    from networks import NETWORKS
    from steps import our_step, seconds, their_step

    torch.set_num_threads(1)
    timings = []
    for index, network in enumerate(NETWORKS):
        if size == 1 and network.has_batch_norm:
            continue  # one value has no variance
        our, their = our_step(network, size), their_step(network, size)
        for _ in range(2):
            same_loss(network.title, size, our(), their())
        ours, theirs, start = [], [], time.perf_counter()
        while len(ours) < STEPS[0] or (time.perf_counter() - start < BUDGET and len(ours) < STEPS[1]):
            ours.append(seconds(our))
            theirs.append(seconds(their))
        timings.append(Timing(size, index, 1e3 * statistics.median(ours), 1e3 * statistics.median(theirs)))
    return timings


def same_loss(title: str, size: int, ours: float, theirs: float) -> None:
    """Times are comparable only where the work is the same. RuntimeError where the losses differ."""
    if not math.isclose(ours, theirs, rel_tol=1e-3, abs_tol=1e-4):
        raise RuntimeError(f"{title}, batch {size}: labkit's loss is {ours}, torch's {theirs}. They do not train alike.")


def separate(sizes: list[int], threads: int) -> list[Timing]:
    """Every network, each side in processes of its own that take turns; the median of two."""
    times = {"ours": {}, "theirs": {}}
    for _ in range(2):
        for side, found in times.items():
            command = [sys.executable, str(HERE / "one_side.py"), side, str(threads), *map(str, sizes)]
            done = subprocess.run(command, env=environment(threads), check=True, capture_output=True, text=True)
            for size, index, took in json.loads(done.stdout):
                found.setdefault((size, index), []).append(took)
    return [
        Timing(size, index, statistics.median(ours), statistics.median(times["theirs"][size, index]))
        for (size, index), ours in times["ours"].items()
    ]


def table(timings: list[Timing]) -> list[str]:
    """Markdown: a row for each network, and for each batch size ours, torch's, and the ratio."""
    from networks import NETWORKS

    sizes = sorted({timing.size for timing in timings})
    by_place = {(timing.size, timing.network): timing for timing in timings}
    head = "| network | " + " | ".join(f"batch {size}: labkit, ms | torch, ms | ratio" for size in sizes) + " |"
    lines = [head, "| --- |" + " ---: | ---: | ---: |" * len(sizes)]
    for index, network in enumerate(NETWORKS):
        cells = [f"{index + 1}. {network.title}"]
        for size in sizes:
            timing = by_place.get((size, index))
            numbers = (timing.ours, timing.theirs, timing.ratio) if timing else ()
            cells += [f"{number:.2f}" for number in numbers] or ["", "", "–"]
        lines.append("| " + " | ".join(cells) + " |")
    means = " ".join(f"| | | {geometric_mean(timings, size):.2f}" for size in sizes)
    return [*lines, f"| geometric mean {means} |"]


def verdict(timings: list[Timing]) -> list[str]:
    """What the project asks of these numbers, and whether they hold."""
    lines = []
    for size in sorted({timing.size for timing in timings}):
        mean, worst = geometric_mean(timings, size), max(timing.ratio for timing in timings if timing.size == size)
        if size == 64:
            held = mean <= 0.85 and worst <= 1.25
            wanted = f"geometric mean {mean:.2f}, at most 0.85 wanted; slowest {worst:.2f}, at most 1.25 wanted"
        elif size in (16, 1024):
            held, wanted = worst <= 1.4, f"slowest {worst:.2f}, at most 1.40 wanted"
        else:
            continue
        lines.append(f"- Batch {size}: {wanted}: {'reached' if held else 'NOT reached'}.")
    return lines


def geometric_mean(timings: list[Timing], size: int) -> float:
    return statistics.geometric_mean(timing.ratio for timing in timings if timing.size == size)


def plot(timings: list[Timing], path: Path) -> None:
    """Ratios as points, a row for each network, a colour for each batch size; left of the line labkit is faster."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from networks import NETWORKS

    figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
    sizes = sorted({timing.size for timing in timings})
    for place, size in enumerate(sizes):
        points = [timing for timing in timings if timing.size == size]
        offset = (place - (len(sizes) - 1) / 2) * 0.15
        rows = [timing.network + offset for timing in points]
        axes.scatter([timing.ratio for timing in points], rows, label=f"batch {size}", marker="osD^v<>"[place % 7])
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_yticks(range(len(NETWORKS)), [network.title for network in NETWORKS])
    axes.invert_yaxis()
    axes.set_xlabel("labkit's time / torch's time for one training step, one thread")
    axes.grid(axis="x", alpha=0.3)
    axes.legend()
    figure.savefig(path)
    plt.close(figure)


if __name__ == "__main__":
    main()
