"""A card for every generator that a run has saved: what it is, what it was made of, how good and how private it is.

A model card (Mitchell et al. 2019, arXiv 1810.03993) and, for the synthetic data beside it, a data card in the order of
Gebru et al. 2021 (arXiv 1803.09010), in Markdown, of nothing but what results.json says.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from tff_health.reporting.atomic import write_atomically
from tff_health.reporting.formatting import interval, number, plural
from tff_health.reporting.guarantee import is_private, named, upper
from tff_health.reporting.markdown import markdown_code, markdown_text
from tff_health.reporting.membership_findings import attack_label
from tff_health.reporting.record import Run
from tff_health.reporting.results import Arm, DatasetResult, Metric
from tff_health.reporting.synthesis.arms import purpose
from tff_health.runtime.file_names import arm_file

_UTILITY = {"tstr": "trained on synthetic, tested on real", "trtr": "trained on real, tested on real"}
_LIKENESS = {
    "fidelity/ks": "numeric columns, 1 - Kolmogorov-Smirnov distance",
    "fidelity/tv": "coded columns, 1 - total variation distance",
    "detection/auc": "AUC of telling synthetic from real rows, .5 being best",
    "fd_clf/ratio": "Frechet distance over that of real images from real ones",
    "memorisation/dcr_share": "share of images nearer to training than to held-out images, .5 being best",
    "disclosure/dcr_share": "share of rows nearer to training than to held-out rows, .5 being best",
    "disclosure/exact_copies": "share of rows that copy a training row",
}
_LIMITS = (
    "Not for clinical use: nothing here was looked at by a physician.",
    "Worth and likeness were measured on held-out patients of the same source; patients from elsewhere may differ.",
    "What a generator leaves out, such as rare findings, is missing from everything that is trained on it.",
)


def write_cards(run: Run) -> list[Path]:
    """Writes `cards/DATASET--ARM.md` for each generator in `model/` that the results speak of.

    Returns:
        The paths, in the order of the results.

    Raises:
        ReportError: a file cannot be written.
    """
    written = []
    for name, dataset in run.results.datasets.items():
        for label, arm in dataset.arms.items():
            model = arm_file(run.folder, "model", name, label, ".npz")
            if (arm.synthesis or arm.images) and model.exists():
                path = arm_file(run.folder, "cards", name, label, ".md")
                write_atomically(path, _card(run, name, dataset, label, arm, model).encode())
                written.append(path)
    return written


def _card(run: Run, name: str, dataset: DatasetResult, label: str, arm: Arm, model: Path) -> str:
    images = arm.images is not None
    thing = "images" if images else "rows"
    synthetic = arm_file(run.folder, "synthetic", name, label, ".npz" if images else ".csv")
    lines = [f"# {_text(named(arm))}", ""]
    lines += [f"A generator of synthetic {'images' if images else 'patients'} after: {_text(dataset.title)}.", ""]
    lines += ["## The model", ""]
    lines += _listed(
        {
            "file": f"`model/{model.name}`",
            "kind": _text(arm.description),
            "settings": markdown_code(json.dumps(arm.settings, ensure_ascii=False)),
            "fitted": "across hospitals that pool no row" if arm.federated else "in one place",
            "made by": markdown_code(run.results.command) if run.results.command else "",
            "when": run.results.started,
        }
    )
    lines += ["", "Draw from it:", "", "```"]
    lines += [f"uv run run_experiments.py sample {shlex.quote(f'model/{model.name}')} --rows 100", "```", ""]
    lines += ["## What it was made of", "", *_listed(_origin(dataset, label, arm)), ""]
    lines += ["## How good it is", "", *_worth(dataset, arm), ""]
    lines += ["## How private it is", "", *_privacy(arm), ""]
    if synthetic.exists():
        count = (arm.images.images if arm.images else arm.synthesis.rows if arm.synthesis else 0) or None
        held = f"{plural(count, thing[:-1])}" if count else f"synthetic {thing}"
        lines += ["## The synthetic data", ""]
        lines += [
            f"`synthetic/{synthetic.name}` holds {held} drawn once from the first fit; no {thing[:-1]} stands for a "
            "person. The guarantee, where there is one, covers them as it covers the generator.",
            "",
        ]
    lines += ["## Limits", "", *(f"- {line}" for line in (*_LIMITS, *_notes(dataset, arm)))]
    return "\n".join(lines) + "\n"


def _origin(dataset: DatasetResult, label: str, arm: Arm) -> dict[str, str]:
    patients = "real patients" if dataset.kind == "real" else "simulated, no patients"
    alone = label.partition("/")[2]
    hospitals = {name: own for name, own in dataset.hospitals.items() if not alone or name == alone}
    control = purpose(label, arm) == "control"
    return {
        "data": f"{_text(dataset.title)} ({patients})",
        "source": _text(dataset.source),
        "licence": _text(dataset.licence),
        "division": _text(dataset.protocol),
        "hospitals": ", ".join(f"{_text(name)} ({own.train:,})" for name, own in hospitals.items()),
        "control": "meant to be found out by attacks; fitted on a part of these alone, as its title says" * control,
    }


def _worth(dataset: DatasetResult, arm: Arm) -> list[str]:
    made = dataset.synthesis or dataset.images
    real = made.real_metrics if made else {}
    classifiers = [*(made.classifiers if made else []), "mean"]
    rows = []
    for classifier in classifiers:
        cells = [
            interval(source.get(f"{family}/{classifier}/{measure}") or Metric())
            for family, source in (("tstr", arm.metrics), ("trtr", real))
            for measure in ("accuracy", "auc")
        ]
        if any(arm.metric(f"tstr/{classifier}/{measure}").value is not None for measure in ("accuracy", "auc")):
            rows.append(f"| {_text(classifier)} | {' | '.join(cells)} |")
    lines = []
    if rows:
        lines += [
            "| classifier | synthetic: accuracy | synthetic: AUC | real: accuracy | real: AUC |",
            "|---|---|---|---|---|",
            *rows,
            "",
            f"Synthetic: {_UTILITY['tstr']}; real: {_UTILITY['trtr']}. 95 % intervals.",
        ]
    measured = {
        text: interval(arm.metric(name)) for name, text in _LIKENESS.items() if arm.metric(name).value is not None
    }
    return [*lines, *([""] if rows and measured else []), *_listed(measured)] or ["Not measured."]


def _privacy(arm: Arm) -> list[str]:
    if is_private(arm) and arm.privacy is not None:
        lines = [
            f"- Epsilon {upper(arm.privacy.epsilon)} at delta {arm.privacy.delta:g}.",
            f"- {_text(arm.privacy.sentence)}",
        ]
    else:
        lines = ["- No guarantee: the generator was fitted without noise. Treat it as you treat the patients' data."]
    if arm.aggregator_claim is not None:
        lines.append(f"- {_text(arm.aggregator_claim.sentence)}")
    for name, attack in arm.membership.items():
        lines.append(f"- Membership inference, {attack_label(name)}: AUC {interval(attack.auc)}; .5 is guessing.")
    if arm.membership and not is_private(arm):
        lines.append("- An attack that finds nothing is no guarantee.")
    return lines


def _notes(dataset: DatasetResult, arm: Arm) -> list[str]:
    own = arm.images.notes if arm.images else arm.synthesis.notes if arm.synthesis else []
    return [_text(note) for note in (*dataset.notes, *own)]


def _listed(facts: dict[str, str]) -> list[str]:
    return [f"- {key}: {value}" for key, value in facts.items() if value]


def _text(value: object) -> str:
    said = number(value) if isinstance(value, float) else str(value)
    return markdown_text(said)
