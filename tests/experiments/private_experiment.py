"""A small experiment with private arms, run as users run it."""

from __future__ import annotations

from pathlib import Path

HOSPITAL_ARM = """
[datasets.breast_cancer.arms.hospital]
method = "fedavg"
privacy = { level = "hospital", epsilon = 10.0, clip = 1.0 }
"""
PRIVATE = """
experiment = "private"
title = "A small private experiment"
rounds = 2
repeats = 2
folds = 2
bootstrap = 20
{top}
[datasets.breast_cancer]
model = "logistic-regression"
options = {{ hospitals = 3 }}
{dataset}
[datasets.breast_cancer.arms.fedavg]
method = "fedavg"
[datasets.breast_cancer.arms.secure]
method = "fedavg"
aggregator = "secure-mean"
aggregator_options = {{ bound = 10.0 }}
[datasets.breast_cancer.arms.patient]
method = "fedavg"
client_learning_rate = 2.0
privacy = {{ level = "patient", epsilon = 1.0, clip = 0.5, local_steps = 3 }}
[datasets.breast_cancer.arms.shared]
method = "fedavg"
client_learning_rate = 2.0
rounds = 4
average_last = 2
privacy = {{ level = "patient", epsilon = 3.0, clip = 0.5, noise = "shared" }}
[datasets.breast_cancer.arms.sampled]
method = "fedadam"
client_learning_rate = 2.0
privacy = {{ level = "patient", noise_multiplier = 2.0, clip = 0.5, sampling_rate = 0.2 }}
[datasets.breast_cancer.arms.budgeted]
method = "fedavg"
rounds = 5
privacy = {{ level = "patient", noise_multiplier = 10.0, epsilon = 0.6, clip = 0.5 }}
{arms}
"""
ATTACKED = "attacks = { membership = true, shadows = 16, audit = true, canaries = 60 }"


def write(path: Path, *, top: str = "", dataset: str = "", arms: str = "") -> Path:
    path.write_text(PRIVATE.format(top=top, dataset=dataset, arms=arms), "utf-8")
    return path


TREE_ARM = """
[datasets.breast_cancer.arms.tree]
method = "fedadam"
rounds = 3
privacy = { level = "hospital", mechanism = "tree", epsilon = 10.0, clip = 1.0 }
"""
