"""A run as the other parts of the report see it: without generators, or with them in the place of classifiers.

The parts on classifiers read `test/accuracy` and `test/auc`. Where an arm makes synthetic patients these stand for the
mean over classifiers trained on its rows and tested on held-out real patients; where it makes synthetic images, for
the classifier that speaks for images. A run without generators is returned as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tff_health.reporting.guarantee import is_private
from tff_health.reporting.images.arms import image_arms, judged_images
from tff_health.reporting.record import Run, RunRecord
from tff_health.reporting.results import Arm, DatasetResult, Results
from tff_health.reporting.synthesis.arms import MEAN_ACCURACY, MEAN_AUC, REAL, arms_for, is_synthetic, real_metric
from tff_health.reporting.synthesis_document import Purpose


def has_synthesis(results: Results) -> bool:
    """Whether any arm of any dataset makes synthetic patients or images."""
    return any(
        dataset.synthesis is not None
        or dataset.images is not None
        or any(arm.synthesis is not None or arm.images is not None for arm in dataset.arms.values())
        for dataset in results.datasets.values()
    )


def classifier_view(run: Run) -> Run:
    """The run with its classifier arms only."""
    if not has_synthesis(run.results):
        return run
    return replace(run, results=_changed(run.results, _classifiers))


def classifier_record(record: RunRecord) -> RunRecord:
    """The record with its classifier arms only."""
    if not has_synthesis(record.results):
        return record
    return replace(record, results=_changed(record.results, _classifiers))


def privacy_view(run: Run) -> Run:
    """The run with its synthesisers judged as classifiers are, its overfitted generators among the controls.

    Hospitals' own generators are among the arms where they claim a guarantee, each under a name of its own.
    """
    if not has_synthesis(run.results):
        return run
    return replace(run, results=_changed(run.results, _judged))


def privacy_record(record: RunRecord) -> RunRecord:
    """The record with its synthesisers judged as classifiers are."""
    if not has_synthesis(record.results):
        return record
    return replace(record, results=_changed(record.results, _judged))


def _changed(results: Results, change: Callable[[DatasetResult], DatasetResult]) -> Results:
    return results.model_copy(update={"datasets": {name: change(one) for name, one in results.datasets.items()}})


def _classifiers(dataset: DatasetResult) -> DatasetResult:
    arms = {name: arm for name, arm in dataset.arms.items() if not _is_made(dataset, name)}
    if len(arms) == len(dataset.arms):
        return dataset
    # What speaks of generators alone goes with them.
    alone: dict[str, object] = {} if arms else {"selection": None, "membership_control": {}, "ledger": []}
    return dataset.model_copy(update={"arms": arms, **alone})


def _judged(dataset: DatasetResult) -> DatasetResult:
    unwanted = {
        *_made_for(dataset, "control"),
        *_made_for(dataset, "ablation"),
        *(name for name, arm in _made_for(dataset, "own-generator").items() if not is_private(arm)),
    }
    own = _made_for(dataset, "own-generator")
    arms: dict[str, Arm] = {}
    for name, arm in dataset.arms.items():
        if name in unwanted:
            continue
        seen = _judged_arm(dataset, name, arm) if _is_made(dataset, name) else arm
        if name in own:
            # A part of an arm has a guarantee of its own: under a name with a slash it would pass for a mere part.
            arms[name.replace("/", ": ")] = seen.model_copy(update={"title": f"{name.split('/')[0]}: {arm.title}"})
        else:
            arms[name] = seen
    control = dataset.membership_control or {
        name: attack for arm in _made_for(dataset, "control").values() for name, attack in arm.membership.items()
    }
    return dataset.model_copy(update={"arms": arms, "membership_control": control})


def _is_made(dataset: DatasetResult, name: str) -> bool:
    """Whether an arm belongs to a section on synthetic patients or images rather than among the classifiers."""
    return is_synthetic(dataset, name) or dataset.arms[name].images is not None


def _made_for(dataset: DatasetResult, wanted: Purpose) -> dict[str, Arm]:
    return {**arms_for(dataset, wanted), **image_arms(dataset, wanted)}


def _judged_arm(dataset: DatasetResult, name: str, arm: Arm) -> Arm:
    if arm.images is not None:
        return judged_images(dataset, arm)
    metrics = dict(arm.metrics)
    for place, source in (("test/accuracy", MEAN_ACCURACY), ("test/auc", MEAN_AUC)):
        metrics[place] = real_metric(dataset, source) if name == REAL else arm.metric(source)
    return arm.model_copy(update={"metrics": metrics})
