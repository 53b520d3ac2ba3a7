#!/usr/bin/env python3
"""What a sweep costs beside training: its wall time over the sum of training seconds divided by the workers.

    python3 benches/sweep_overhead.py                 200 cells of about a second, one worker a core
    python3 benches/sweep_overhead.py --cells 20      a quick one
    python3 benches/sweep_overhead.py --side-by-side  two one-thread cells side by side over one, five alternations

Cells are sized first, on this machine, so that one trains for about a second; each is evaluated before its first
epoch and after its last. The ratio says 1 where nothing but training takes time. `train_seconds` is each cell's own,
from `rbm sweep --json`. With one thread a worker and as many workers as cores, cells also slow each other down by
sharing the memory and the processor's clock: that is part of their training seconds, and is what --side-by-side
measures.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")

CONFIG = """schema = 1
name = "overhead"
[data]
source = "mnist"
rows = 12_000
validation = 2_000
[model]
hidden = 64
visible_bias = "data"
[train]
epochs = {epochs}
batch_size = 100
learning_rate = 0.05
[evaluate]
every = 1_000_000
{evaluate}
[sweep]
seeds = {seeds}
"""
NO_EVALUATION = 'metrics = []\nlog_z = "none"'


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=200)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--seconds", type=float, default=1.0, help="what a cell is to train for (1)")
    parser.add_argument("--evaluate", action="store_true", help="with the default metrics; their time then counts too")
    parser.add_argument("--side-by-side", action="store_true")
    parser.add_argument("--rounds", type=int, default=5, help="of --side-by-side")
    parser.add_argument("--rbm", type=Path, default=TARGET / "release/rbm")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder

    def sweep(self, cells, workers, epochs, report=True):
        """Runs a sweep of so many cells in new folders: what `rbm sweep --json` says, and the wall seconds."""
        config, results = self.folder / "overhead.toml", self.folder / "results"
        evaluate = "" if self.options.evaluate else NO_EVALUATION
        config.write_text(CONFIG.format(epochs=epochs, seeds=cells, evaluate=evaluate))
        shutil.rmtree(results, ignore_errors=True)
        command = [self.options.rbm, "sweep", config, "--json", "--quiet", "--results", results]
        command += ["--workers", str(workers), "--threads", "1"] + ([] if report else ["--no-report"])
        command += ["--data-dir", self.options.data_dir] if self.options.data_dir else []
        begun = time.perf_counter()
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return json.loads(said), time.perf_counter() - begun

    def epochs(self):
        """Epochs that take the wanted seconds with all workers busy."""
        found, _ = self.sweep(self.options.workers, self.options.workers, 5, report=False)
        seconds = statistics.median(cell["train_seconds"] for cell in found["cells"]) / 5
        return max(1, round(self.options.seconds / seconds))


def overhead(bench, options):
    epochs = bench.epochs()
    print(f"{options.cells} cells of {epochs} epochs, {options.workers} workers of one thread", flush=True)
    found, wall = bench.sweep(options.cells, options.workers, epochs)
    training = [cell["train_seconds"] for cell in found["cells"]]
    cells = sum(cell["wall_seconds"] for cell in found["cells"])
    ideal = sum(training) / options.workers
    # The last cells end one by one: with few cells a worker then has nothing to do, which is no overhead of ours.
    result = dict(
        cells=options.cells,
        workers=options.workers,
        epochs=epochs,
        wall_seconds=wall,
        train_seconds=sum(training),
        median_cell_seconds=statistics.median(training),
        ratio=wall / ideal,
        start_seconds=found["start_seconds"],
        beside_training_a_cell=(cells - sum(training)) / options.cells,
        outside_cells=wall - cells / options.workers,
    )
    print(
        f"wall {wall:.2f} s over {ideal:.2f} s of training a worker: {result['ratio']:.4f}\n"
        f"a cell trains {result['median_cell_seconds']:.3f} s (median) "
        f"and takes {1e3 * result['beside_training_a_cell']:.1f} ms beside it; "
        f"outside cells {result['outside_cells']:.2f} s, of which {found['start_seconds']:.2f} s before the first step"
    )
    return result


def side_by_side(bench, options):
    epochs = bench.epochs()
    ratios = []
    for round in range(options.rounds):
        one, _ = bench.sweep(1, 1, epochs, report=False)
        two, _ = bench.sweep(2, 2, epochs, report=False)
        alone = one["cells"][0]["samples_per_second"]
        both = sum(cell["samples_per_second"] for cell in two["cells"])
        ratios.append(both / alone)
        print(f"round {round + 1}: one {alone:.0f}, two {both:.0f} samples/s: {ratios[-1]:.3f}", flush=True)
    middle = statistics.median(ratios)
    print(f"two cells side by side over one: median {middle:.3f} ({min(ratios):.3f} to {max(ratios):.3f})")
    return dict(side_by_side=ratios, epochs=epochs)


def main():
    options = arguments()
    if not options.rbm.is_file():
        sys.exit(f"{options.rbm} is not there: cargo build --release --bin rbm")
    options.rbm = options.rbm.resolve()
    print(f"load of the machine at the start: {os.getloadavg()[0]:.2f}")
    with tempfile.TemporaryDirectory(prefix="rbm-overhead-") as temporary:
        bench = Bench(options, Path(temporary))
        result = (side_by_side if options.side_by_side else overhead)(bench, options)
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
