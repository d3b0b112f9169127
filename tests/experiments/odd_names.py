"""Hospitals, columns, categories, datasets and titles with names that a page, a shell or a disk might take amiss.

Two sources of the same patients: a folder of CSV files, whose names a file system allows, and a dataset in Python,
whose names it need not.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np

SCRIPT = "<script>alert(1)</script>"
LONG = "long " + "w" * 295
FILE_HOSPITALS = (
    "<img src=x onerror=alert(1)>",
    'north, "west" & south',
    "$\\alpha_1$ 50% #1 {x} ~^ \\input{y}",
    "NA",
    "=1+1",
    "\N{CJK UNIFIED IDEOGRAPH-533B}\N{CJK UNIFIED IDEOGRAPH-9662} \u0645\u0633\u062a\u0634\u0641\u0649 M\u00fcnchen",
)
"""One CSV file each: whatever a file system takes."""
FREE_HOSPITALS = (SCRIPT, "../../escaped", LONG, "_a/b|c `d` [e](javascript:alert(2)) {{ 7 * 7 }}")
"""Only a dataset in Python can name hospitals so."""
TARGET = 'ill, "or" <b>not</b>'
AGE = "=age & $years$ _of_ 100%"
PRESSURE = LONG[:299] + "!"
PAIN = "../pain/<svg onload=alert(3)>, [x] *y*"
COLUMNS = (AGE, PRESSURE, PAIN, TARGET)
CODES = {"=none": SCRIPT, "a,b": 'typical, "so-called"', "\u75db": "\u75db\u307f {x} 5% \\y"}
LABELS = {0: "well </td>", 1: "ill <i>&amp;</i> $x$"}
UNIT = "years <u>"
DATASET = '../data "set", <b> v1.2'
TITLE = "Title <script>alert(4)</script> & $y_1$ 5% | `z` \u533b"
ARM_TITLE = '_Arm <img src=x onerror=alert(5)>, "fed" $z_2$ \u533b'


def rows(seed: int, count: int = 60) -> list[list[object]]:
    """Patients in the order of `COLUMNS`."""
    rng = np.random.default_rng(seed)
    ages = rng.integers(30, 85, count)
    pressures = rng.normal(130, 15, count).round()
    pains = rng.choice(list(CODES), count)
    ill = rng.random(count) < 1 / (1 + np.exp(-0.06 * (ages - 57) - 0.03 * (pressures - 130)))
    ill[:4] = [True, False, True, False]
    return [[int(a), float(b), str(c), int(d)] for a, b, c, d in zip(ages, pressures, pains, ill, strict=True)]


def schema_toml() -> str:
    """The schema of `COLUMNS` as a confirmed schema.toml."""
    quote = json.dumps
    coded = [[code, label] for code, label in CODES.items()]
    target = [[code, label] for code, label in LABELS.items()]
    return f"""
title = {quote(TITLE)}
source = {quote(TITLE)}
licence = {quote(TITLE)}
target = {quote(TARGET)}
confirmed = true
[columns.{quote(AGE)}]
kind = "integer"
bounds = [0, 120]
unit = {quote(UNIT)}
quasi_identifier = true
[columns.{quote(PRESSURE)}]
kind = "continuous"
bounds = [40, 260]
[columns.{quote(PAIN)}]
kind = "categorical"
codes = {quote(coded)}
quasi_identifier = true
[columns.{quote(TARGET)}]
kind = "binary"
codes = {quote(target)}
"""


def write_clinics(folder: Path) -> None:
    """A CSV file for each of `FILE_HOSPITALS`, and the schema."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(FILE_HOSPITALS):
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([COLUMNS, *rows(seed)])
    (folder / "schema.toml").write_text(schema_toml(), "utf-8")


MODULE = """
import pandas as pd
import odd_names as odd
from data.federation import Federation, Hospital
from data.schema import Column, Schema

SCHEMA = Schema((
    Column(odd.AGE, "integer", (0, 120), unit=odd.UNIT, quasi_identifier=True),
    Column(odd.PRESSURE, "continuous", (40, 260)),
    Column(odd.PAIN, "categorical", codebook=odd.CODES, quasi_identifier=True),
    Column(odd.TARGET, "binary", codebook=odd.LABELS),
), odd.TARGET)

def load(settings, *, data_dir, seed):
    hospitals = []
    for place, name in enumerate(odd.FREE_HOSPITALS):
        frame = SCHEMA.check(pd.DataFrame(odd.rows(place), columns=odd.COLUMNS), name)
        hospitals.append(Hospital(name, frame[:40].reset_index(drop=True), frame[40:].reset_index(drop=True)))
    return Federation("free", odd.TITLE, "real", SCHEMA, tuple(hospitals), odd.TITLE, odd.TITLE, odd.TITLE)
"""
"""A user's module `free`, with a dataset whose hospitals no file system would take."""

CLASSIFIERS = """
experiment = "odd"
title = {title}
question = {title}
rounds = 2
repeats = 1
folds = 2
bootstrap = 20
model = "logistic-regression"
[datasets.{dataset}]
source = {source}
[datasets.{dataset}.arms.fedavg]
method = "fedavg"
title = {arm}
client_learning_rate = 0.1
[datasets.{dataset}.arms.pooled]
method = "pooled"
client_learning_rate = 0.1
[datasets.{dataset}.arms.alone]
method = "alone"
client_learning_rate = 0.1
[datasets.{dataset}.arms.noisy]
method = "fedavg"
client_learning_rate = 0.1
privacy = {{ level = "patient", epsilon = 10.0, clip = 1.0 }}
"""
GENERATORS = """
kind = "synthesis"
experiment = "odd-synthesis"
title = {title}
question = {title}
splits = 1
evaluation = {{ anonymeter = false, augmentation = false, rows = 1.0 }}
[datasets.{dataset}]
source = {source}
[datasets.{dataset}.arms.marginals]
method = "label-histograms"
title = {arm}
privacy = {{ epsilon = 10.0 }}
[datasets.{dataset}.arms.own]
method = "label-histograms"
data = "each-hospital"
privacy = {{ epsilon = 10.0, placement = "each-hospital" }}
[datasets.{dataset}.arms.ctgan]
method = "ctgan"
[datasets.{dataset}.arms.ctgan.options]
updates = 4
probes = 2
training = {{ local_updates = 2, generator_updates = 2, generator_hidden = [8], critic_hidden = [8], latent_dim = 4 }}
"""
STUDY = """
study = "odd-study"
title = {title}
question = {title}
seeds = [1, 2]
[experiment]
rounds = 1
repeats = 1
bootstrap = 20
model = "logistic-regression"
[experiment.datasets.{dataset}]
source = {source}
[experiment.datasets.{dataset}.arms.fedavg]
method = "fedavg"
title = {arm}
"""


def make_place(root: Path) -> Path:
    """A working folder below `root` with both sources, as a user would have it; answers the folder."""
    work = root / "a" / "work"
    write_clinics(work / "clinics")
    (work / "free.py").write_text(MODULE, "utf-8")
    return work


def settings(template: str, source: str) -> str:
    """One of the templates above, with names filled in."""
    names = {"title": TITLE, "arm": ARM_TITLE, "dataset": DATASET, "source": source}
    return template.format(**{key: json.dumps(value) for key, value in names.items()})
