"""Small studies, written as users would write them."""

from __future__ import annotations

from pathlib import Path

TINY = """
study = "tiny"
title = "A tiny study"
question = "Does it run?"
seeds = [1, 2]
[experiment]
rounds = 2
repeats = 1
bootstrap = 20
model = "logistic-regression"
[experiment.datasets.paper_mock]
options = { hospitals = 3, rows = 40, held_out = 2, held_out_rows = 40 }
[experiment.datasets.paper_mock.arms.fedavg]
method = "fedavg"
title = "FedAvg"
[[sweep]]
arm = "fedavg"
setting = "client_learning_rate"
values = [0.1, 0.5]
"""

PRIVATE = """
study = "private"
title = "A private study"
seeds = [1, 2, 3]
attacked_seeds = 1
[experiment]
rounds = 2
repeats = 1
bootstrap = 20
model = "logistic-regression"
attacks = { membership = true, shadows = 4 }
[experiment.datasets.breast_cancer]
[arms.plain]
method = "fedavg"
title = "Plain"
[arms.patient]
method = "fedavg"
title = "Patient level"
client_learning_rate = 2.0
privacy = { level = "patient", clip = 1.0 }
[[sweep]]
arm = "patient"
setting = "privacy.epsilon"
values = [1.0, 10.0]
"""

TROUBLED_DATA = """
import os, signal
import pandas as pd
from data.errors import DataError
from data.federation import Federation, Hospital
from data.schema import Column, Schema

def load(settings, *, data_dir, seed):
    if seed == 2:
        raise DataError("hospital south, column age: seed 2 has no rows; take another seed.")
    if seed == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    schema = Schema((Column('age', 'integer', bounds=(0, 120)),
                     Column('ill', 'binary', codebook={0: 'no', 1: 'yes'})), 'ill')
    frame = pd.DataFrame({'age': [30, 40, 50, 60] * 5, 'ill': [0, 1, 0, 1] * 5})
    rows = [(name, schema.check(frame, name)) for name in ('north', 'south')]
    return Federation('mine', 'Mine', 'real', schema,
                      tuple(Hospital(n, f, f) for n, f in rows), 'me', 'none', 'none')
"""

TROUBLED = """
study = "troubled"
title = "A study with trouble"
seeds = [1, 2, 3, 4]
[experiment]
rounds = 1
repeats = 1
bootstrap = 20
model = "logistic-regression"
[experiment.datasets.mine]
source = "mine:load"
[experiment.datasets.mine.arms.fedavg]
method = "fedavg"
"""


def write_study(folder: Path, text: str) -> Path:
    """The study as a file of `folder`."""
    path = folder / "study.toml"
    path.write_text(text, "utf-8")
    return path
