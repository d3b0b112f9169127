"""Federated CTGAN against the reference implementation on pooled rows: updates a second, and what the rows are worth.

    uv run python benchmarks/ctgan.py             # speed in five rounds of turns, then quality on splits 0 to 4
    uv run python benchmarks/ctgan.py --splits 0  # speed alone

The peer (PyTorch `ctgan`, which needs other versions of NumPy) runs in an environment of its own that `uv` makes, with
the same rows, batch, number of updates and cores, and its own packing of 10. The peer takes no missing cells, so that
patients with one are left out for both. One update is a step of the critic and one of the generator. Speed is the slope
between a short and a long fit, so that start-up, encoding and compilation do not count, and all take turns, so that
other work on the machine slows none alone. For quality both are asked for 1,000 rows; the paper's seven classifiers are
trained on them and tested on the same held-out patients. Needs the heart disease files (TFF_HEALTH_DATA or --data-dir).
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
PEER = "ctgan==0.12.1"
OPTIONS = {
    "protocol": "all_features",
    "hospitals": ["cleveland"],
    "partition": "iid",
    "split": "pooled",
    "test_fraction": 0.2,
}
ROWS, BATCH = 1000, 100
SPEED_UPDATES = (200, 1200)
Fitted = tuple[dict[int, float], pd.DataFrame]
"""Seconds by number of updates, and what the longest fit made."""
Fit = Callable[[int, Sequence[int]], Fitted]
"""Of a split and numbers of updates."""
_PEER_PROGRAM = """
import json, sys, time
import numpy as np, pandas as pd, torch
from ctgan import CTGAN
task = json.load(open(sys.argv[1]))
torch.set_num_threads(task["threads"])
table = pd.read_csv(task["table"])
found = []
for updates in task["updates"]:
    torch.manual_seed(task["seed"]); np.random.seed(task["seed"])
    model = CTGAN(batch_size=task["batch"], epochs=max(updates // max(len(table) // task["batch"], 1), 1), pac=10)
    clock = time.perf_counter()
    model.fit(table, task["coded"])
    found.append([updates, time.perf_counter() - clock])
model.sample(task["rows"]).to_csv(task["out"], index=False)
json.dump(found, open(task["times"], "w"))
"""


def main() -> None:
    """Runs both and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--turns", type=int, default=5, help="measurements of speed")
    parser.add_argument("--splits", type=int, default=5, help="splits that quality is measured on")
    parser.add_argument("--updates", type=int, default=2000, help="of a fit whose quality is measured")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="cores for either")
    chosen = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: chosen.threads])  # all children inherit it
    fits: dict[str, Fit] = {
        "peer, pooled": functools.partial(_peer, threads=chosen.threads, data_dir=chosen.data_dir),
        "ours, 5 hospitals": functools.partial(_ours, hospitals=5, data_dir=chosen.data_dir),
        "ours, pooled": functools.partial(_ours, hospitals=1, data_dir=chosen.data_dir),
    }
    print(f"{chosen.threads} cores, load {os.getloadavg()[0]:.1f}")
    if chosen.turns:
        _speed(fits, chosen.turns)
    if chosen.splits:
        _quality(fits, chosen.splits, chosen.updates, chosen.data_dir)


def _speed(fits: dict[str, Fit], turns: int) -> None:
    for fit in fits.values():
        fit(0, SPEED_UPDATES[:1])  # the first fit of a process imports TensorFlow, and fills caches
    rows = []
    for turn in range(turns):
        rows.append({name: _slope(fit(0, SPEED_UPDATES)[0]) for name, fit in fits.items()})
        print(f"turn {turn}: " + ", ".join(f"{name} {value:.0f}" for name, value in rows[-1].items()), flush=True)
    table = pd.DataFrame(rows)
    print(f"\nUpdates a second, {turns} turns, between {SPEED_UPDATES[0]:,} and {SPEED_UPDATES[1]:,} updates:")
    peer = table["peer, pooled"]
    for name in table:
        ratio = table[name] / peer
        print(
            f"{name:18} median {table[name].median():.0f} ({table[name].min():.0f} to {table[name].max():.0f}), "
            f"over the peer's of the same turn {ratio.median():.2f} ({ratio.min():.2f} to {ratio.max():.2f})"
        )


def _quality(fits: dict[str, Fit], splits: int, updates: int, data_dir: Path | None) -> None:
    rows = []
    for split in range(splits):
        federation = _federation(split, 1, data_dir)
        rows.append({"split": split, "who": "real rows", **_score(federation, None)})
        for name, fit in fits.items():
            rows.append({"split": split, "who": name, **_score(federation, fit(split, (updates,))[1])})
        print(pd.DataFrame(rows[-4:]).to_string(index=False), flush=True)
    print(f"\nMeans of {splits} splits at {updates:,} updates:")
    print(pd.DataFrame(rows).groupby("who", sort=False)[["accuracy", "auc"]].mean().round(3).to_string())


def _federation(split: int, hospitals: int, data_dir: Path | None):
    from data.catalogue import load_dataset

    options = {**OPTIONS, "simulated_hospitals": hospitals, "split_seed": split}
    federation = load_dataset("heart_disease", options, data_dir=data_dir, seed=split)
    complete = [dataclasses.replace(hospital, train=hospital.train.dropna()) for hospital in federation.hospitals]
    return dataclasses.replace(federation, hospitals=tuple(complete))


def _ours(split: int, updates: Sequence[int], *, hospitals: int, data_dir: Path | None) -> Fitted:
    from tff_health.learning.ctgan.settings import CtganSettings
    from tff_health.synthesis.ctgan import Ctgan

    federation = _federation(split, hospitals, data_dir)
    training = CtganSettings(batch_size=BATCH // hospitals)
    seconds = {}
    for number in updates:
        clock = time.perf_counter()
        fitted = Ctgan(updates=number, training=training, probes=0).fit_federation(federation, seed=split)
        seconds[number] = time.perf_counter() - clock
    return seconds, fitted.generator.sample(ROWS, seed=split)


def _peer(split: int, updates: Sequence[int], *, threads: int, data_dir: Path | None) -> Fitted:
    federation = _federation(split, 1, data_dir)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (hospital,) = federation.members
        hospital.train.to_csv(folder / "rows.csv", index=False)
        task = {
            "table": str(folder / "rows.csv"),
            "coded": [column.name for column in federation.schema.columns if not column.is_numeric],
            "updates": list(updates),
            "seed": split,
            "batch": BATCH,
            "rows": ROWS,
            "threads": threads,
            "out": str(folder / "synthetic.csv"),
            "times": str(folder / "times.json"),
        }
        (folder / "task.json").write_text(json.dumps(task))
        (folder / "peer.py").write_text(_PEER_PROGRAM)
        command = ["uv", "run", "--no-project", "--python", "3.11", "--with", PEER, "python"]
        subprocess.run([*command, str(folder / "peer.py"), str(folder / "task.json")], check=True, cwd=folder)
        seconds = {int(number): float(value) for number, value in json.loads((folder / "times.json").read_text())}
        table = pd.read_csv(folder / "synthetic.csv")
    for column in federation.schema.columns:
        if column.is_numeric:
            assert column.bounds is not None
            values = table[column.name].clip(*column.bounds)
            table[column.name] = values.round() if column.kind == "integer" else values
    return seconds, federation.schema.check(table, "the peer's")


def _slope(seconds: dict[int, float]) -> float:
    (few, first), (many, last) = sorted(seconds.items())
    return (many - few) / max(last - first, 1e-9)


def _score(federation, table: pd.DataFrame | None) -> dict[str, float]:
    from tff_health.evaluation.synthesis.utility import train_and_test

    held_out = pd.concat([hospital.test for hospital in federation.scored], ignore_index=True)
    if table is None:
        table = pd.concat([hospital.train for hospital in federation.members], ignore_index=True)
    found = train_and_test(table, held_out, federation.schema, 0)["mean"]
    return {name: float(np.round(value, 4)) for name, value in found.items()}


if __name__ == "__main__":
    main()
