"""A study of 200 cells without 200 trainings: one example's results, moved a little from cell to cell."""

from __future__ import annotations

import json
import random
import tomllib
from pathlib import Path
from typing import Any

from reporting_example import write_run

from tff_health.experiments.run_folder import Table, open_folder
from tff_health.experiments.settings import ArmSettings
from tff_health.experiments.studies.folder import cell_folder, open_study_folder
from tff_health.experiments.studies.loading import validate_study
from tff_health.experiments.studies.plan import Cell, StudyPlan, plan_study
from tff_health.experiments.studies.run import run_study
from tff_health.reporting.cells import CELL_COLUMNS, CELLS_FILE

STUDY = """
study = "large"
title = "How federated training and its privacy bear hospitals that differ"
question = "How much does federated training lose as hospitals' patients differ, and what does privacy cost on top?"
seeds = [{seeds}]
attacked_seeds = 5
reference = "fedavg"
[experiment]
rounds = 5
repeats = 1
bootstrap = 200
model = "logistic-regression"
attacks = {{ membership = true }}
[arms]
alone = {{ method = "alone", title = "Alone" }}
pooled = {{ method = "pooled", title = "All patients pooled" }}
fedavg = {{ method = "fedavg", title = "FedAvg" }}
fedprox = {{ method = "fedprox", title = "FedProx", proximal_strength = 0.1 }}
fedyogi = {{ method = "fedyogi", title = "FedYogi" }}
[arms.patient]
method = "fedavg"
title = "Patient level, all the noise in every hospital"
privacy = {{ level = "patient", delta = 1e-5, clip = 0.5 }}
[[sweep]]
arm = "patient"
setting = "privacy.epsilon"
values = [0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 3.0, 10.0]
"""
DATASETS = {
    "iid": 'partition = "iid"',
    "alpha_1": 'partition = "dirichlet", alpha = 1.0, min_rows = 8',
    "alpha_0_3": 'partition = "dirichlet", alpha = 0.3, min_rows = 8',
    "alpha_0_1": 'partition = "dirichlet", alpha = 0.1, min_rows = 8',
    "one_class": 'partition = "one_class"',
}
SEEDS = 40
_MOVED = ("value", "low", "high")


def make_large_study(folder: Path, seeds: int = SEEDS) -> Path:
    """A finished study of five datasets and so many seeds, merged and reported by the project's own code.

    Args:
        folder: where, made anew.
        seeds: of each dataset.

    Returns:
        The path of its report.
    """
    plan = large_plan(seeds)
    open_study_folder(folder, plan.study, resume=False)
    write_run(folder.parent / "example", ("heart_disease",))
    example = json.loads((folder.parent / "example" / "results.json").read_text("utf-8"))
    table = Table(folder / CELLS_FILE, CELL_COLUMNS)
    for place, cell in enumerate(plan.cells):
        _write_cell(cell_folder(folder, cell), cell, example)
        table.write([(cell.dataset, cell.seed, cell.name, "done", 40.0 + place, round(0.9 + place % 7 / 10, 2), None)])
    table.close()
    # All cells have finished, so that nothing is left to do but merging and the report.
    outcome = run_study(plan, folder, resume=True, quiet=True, command="python run_experiments.py study large.toml")
    assert outcome.report
    return outcome.report


def large_plan(seeds: int) -> StudyPlan:
    """The study's cells."""
    text = STUDY.format(seeds=", ".join(str(seed) for seed in range(1, seeds + 1)))
    for name, options in DATASETS.items():
        text += f'[experiment.datasets.{name}]\nsource = "breast_cancer"\noptions = {{ {options} }}\n'
    return plan_study(validate_study(tomllib.loads(text), "large.toml"), "large.toml")


def _write_cell(place: Path, cell: Cell, example: dict[str, Any]) -> None:
    open_folder(place, cell.settings, resume=False)
    (template,) = example["datasets"].values()
    rng = random.Random(cell.name)
    dataset = {**template, "title": f"Breast cancer, {cell.dataset.replace('_', ' ')}", "selection": None}
    dataset["arms"] = {
        name: _arm(name, settings, template["arms"], rng, attacked=cell.settings.attacks.membership)
        for name, settings in cell.settings.datasets[cell.dataset].arms.items()
    }
    dataset["ledger"] = []
    document = {
        **example,
        "title": cell.settings.title,
        "datasets": {cell.dataset: dataset},
        "references": [],
        "seconds": 40.0 + cell.seed,
    }
    (place / "results.json").write_text(json.dumps(document), "utf-8")
    (place / "report.html").write_text(f"<!DOCTYPE html><title>{cell.name}</title>", "utf-8")


def _arm(
    name: str, settings: ArmSettings, templates: dict[str, Any], rng: random.Random, *, attacked: bool
) -> dict[str, Any]:
    private = settings.privacy
    like = "fedavg-patient-dp-eps1" if private else name if name in templates else "fedavg"
    template = templates[like]
    epsilon = private.epsilon if private else None
    # What noise takes away, so that the curve over epsilon is one.
    shift = rng.gauss(-0.08 / (1 + epsilon) if epsilon else 0.0, 0.015)
    arm = {
        **template,
        "title": settings.title or name,
        "metrics": _moved(template["metrics"], shift),
        "rounds": [{**one, "metrics": _moved(one["metrics"], shift)} for one in template["rounds"]],
        "membership": template["membership"] if attacked else {},
        "audit": None,
    }
    if epsilon:
        arm["privacy"] = {
            **template["privacy"],
            "epsilon": epsilon,
            "sentence": f"Each patient is protected at epsilon {epsilon:g}, delta 1e-5.",
        }
    return arm


def _moved(metrics: dict[str, Any], shift: float) -> dict[str, Any]:
    """Every share moved by as much, and kept a share; losses go the other way."""
    found = {}
    for name, metric in metrics.items():
        loss = name.rsplit("/", 1)[-1] in ("loss", "brier", "ece")
        moved = dict(metric)
        for key in _MOVED:
            if metric[key] is not None:
                moved[key] = max(0.0, metric[key] - shift) if loss else min(1.0, max(0.0, metric[key] + shift))
        found[name] = moved
    return found
