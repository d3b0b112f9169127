"""What is measured of one generator's images, and of the real ones beside them, as plain JSON values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from data.image_federation import ImageFederation, LabelledImages
from tff_health.evaluation.images.duplicates import find_duplicates
from tff_health.evaluation.images.frozen_classifier import FrozenClassifier
from tff_health.evaluation.images.image_set import ImageSet
from tff_health.evaluation.images.utility import ARMS, image_utility
from tff_health.experiments.generators.cells import finite_intervals, plain_metrics
from tff_health.experiments.images.image_sets import stranger_images, test_images, trained_images, training_images
from tff_health.experiments.images.parts import Part
from tff_health.experiments.images.settings import ImageEvaluationSettings
from tff_health.experiments.images.workload import measuring_steps
from tff_health.runtime.seeds import generator
from tff_health.synthesis.images.synthesizer import Realism

Done = Callable[[str], None]
UNLABELLED = (
    "Trained without classes, so that its images have no label: no classifier can be trained on them and nothing is "
    "said by class."
)
_RESAMPLES = 300


class Figures:
    """Figures of one cell with their intervals, as they come.

    Attributes:
        metrics: by name.
        intervals: ends by name.
    """

    def __init__(self) -> None:
        self.metrics: dict[str, float] = {}
        self.intervals: dict[str, tuple[float, float]] = {}

    def add(self, found: Mapping[str, Any], prefix: str = "") -> None:
        """Takes estimates with `value`, `low` and `high`, by name."""
        for name, estimate in found.items():
            self.metrics[prefix + name] = float(estimate.value)
            self.intervals[prefix + name] = (float(estimate.low), float(estimate.high))

    def document(self, only: bool) -> dict[str, Any]:
        """Plain JSON values.

        Args:
            only: whether there is one seed of the arm, so that intervals must come from within it.
        """
        return {
            "metrics": plain_metrics(self.metrics),
            "intervals": finite_intervals(self.intervals) if only else {},
        }


def measure_real(
    federation: ImageFederation,
    chosen: ImageEvaluationSettings,
    *,
    first: bool,
    only: bool,
    seed: int,
    resamples: int,
) -> dict[str, Any]:
    """Classifiers trained on real images, and how often these repeat.

    Args:
        federation: the hospitals.
        chosen: what to measure.
        first: whether this is the first seed, which has what no seed changes.
        only: whether there is no other seed.
        seed: of the classifiers.
        resamples: of the test images, for intervals.
    """
    real, test = training_images(federation), test_images(federation)
    figures = Figures()
    if chosen.classifiers:
        arms = ("trtr", "low-data") if chosen.low_data else ("trtr",)
        figures.add(
            image_utility(real, real, test, seed=seed, arms=arms, classifiers=chosen.classifiers, resamples=resamples)
        )
    if chosen.memorisation and first:
        figures.metrics |= _duplicates(real.images)
    return figures.document(only)


def measure_synthetic(
    federation: ImageFederation,
    part: Part,
    images: LabelledImages | np.ndarray,
    chosen: ImageEvaluationSettings,
    frozen: FrozenClassifier | None,
    *,
    augments: bool,
    only: bool,
    seed: int,
    resamples: int,
    realism: Realism | None = None,
    done: Done = lambda step: None,
) -> dict[str, Any]:
    """Everything about one generator's images.

    Args:
        federation: the hospitals.
        part: whose images the generator was fitted on.
        images: synthetic ones; pixels alone where they have no labels.
        chosen: what to measure.
        frozen: the dataset's classifier; None where nothing is measured on its features.
        augments: whether they are set beside real images for classifiers.
        only: whether the arm has no other seed.
        seed: of classifiers, attacks and resamples.
        resamples: of the test images, for intervals.
        realism: scores of the discriminator that it was trained against, for the attack of someone who has it.
        done: told after each of `workload.measuring_steps`; may raise to stop.
    """
    real, figures, notes = training_images(federation), Figures(), []
    pixels = images.pixels if isinstance(images, LabelledImages) else images
    labelled = ImageSet(pixels, images.labels, "synthetic images") if isinstance(images, LabelledImages) else None
    steps = measuring_steps(chosen, augments)
    if labelled is None:
        notes.append(UNLABELLED)
    for arm in ARMS:
        if arm in steps:
            if labelled is not None:
                figures.add(_utility(arm, real, labelled, federation, chosen, seed, resamples))
            done(arm)
    if "diversity" in steps:
        if labelled is not None:
            _add_diversity(figures, real, labelled, federation.classes, seed)
        done("diversity")
    if "features" in steps and frozen is not None:
        _add_distances(figures, frozen, real.images, pixels, chosen, seed)
        done("features")
    trained, strangers = trained_images(part).images, stranger_images(federation)
    if "memorisation" in steps:
        from tff_health.evaluation.images.memorisation import memorisation_metrics

        rng = generator(seed, "memorisation")
        found = memorisation_metrics(trained, strangers.images, pixels, rng=rng, resamples=_RESAMPLES)
        figures.add(found, "memorisation/")
        figures.metrics |= _duplicates(pixels, trained)
        done("memorisation")
    attacks: dict[str, Any] = {}
    if "membership" in steps:
        attacks = _attacks(trained_images(part), strangers, pixels, realism, seed)
        done("membership")
    return {**figures.document(only), "attacks": attacks, "images": len(pixels), "notes": notes}


def _utility(
    arm: str,
    real: ImageSet,
    synthetic: ImageSet,
    federation: ImageFederation,
    chosen: ImageEvaluationSettings,
    seed: int,
    resamples: int,
) -> dict[str, Any]:
    test = test_images(federation)
    found = image_utility(
        real, synthetic, test, seed=seed, arms=(arm,), classifiers=chosen.classifiers, resamples=resamples
    )
    return dict(found)


def _add_diversity(figures: Figures, real: ImageSet, synthetic: ImageSet, classes: tuple[str, str], seed: int) -> None:
    from tff_health.evaluation.images.diversity import class_diversity
    from tff_health.evaluation.images.similarity import ms_ssim, ssim

    for measure, similarity in (("ssim", ssim), ("ms_ssim", ms_ssim)):
        rng = generator(seed, "diversity", measure)
        found = class_diversity(real, synthetic, rng=rng, similarity=similarity, resamples=_RESAMPLES)
        for label, diversity in found.items():
            for kind in ("real", "synthetic", "difference"):
                figures.add({f"diversity/{classes[label]}/{measure}_{kind}": getattr(diversity, kind)})


def _add_distances(
    figures: Figures,
    frozen: FrozenClassifier,
    real: np.ndarray,
    synthetic: np.ndarray,
    chosen: ImageEvaluationSettings,
    seed: int,
) -> None:
    from tff_health.evaluation.images.feature_coverage import feature_coverage
    from tff_health.evaluation.images.frechet import frechet_distance
    from tff_health.evaluation.images.kernel_distance import kernel_distance
    from tff_health.evaluation.images.real_floor import against_floor

    of_real, of_synthetic = frozen.features(real), frozen.features(synthetic)
    if chosen.fd_clf:
        for name, distance in (("fd_clf", frechet_distance), ("kernel_distance", kernel_distance)):
            found = against_floor(distance, of_real, of_synthetic, rng=generator(seed, name))
            figures.metrics |= {f"{name}/value": found.value, f"{name}/floor": found.floor}
        figures.metrics["fd_clf/ratio"] = figures.metrics["fd_clf/value"] / figures.metrics["fd_clf/floor"]
    if chosen.coverage:
        rng = generator(seed, "coverage")
        figures.add(feature_coverage(of_real, of_synthetic, rng=rng, resamples=_RESAMPLES), "coverage/")


def _duplicates(images: np.ndarray, trained: np.ndarray | None = None) -> dict[str, float]:
    """Shares of images that occur again among themselves, and among training images."""
    own = find_duplicates(images)
    found = {"duplicates/exact": own.exact_share, "duplicates/near": own.near_share}
    if trained is not None:
        among = find_duplicates(images, trained)
        found |= {"duplicates/training_exact": among.exact_share, "duplicates/training_near": among.near_share}
    return found


def _attacks(
    trained: ImageSet, strangers: ImageSet, synthetic: np.ndarray, realism: Realism | None, seed: int
) -> dict[str, Any]:
    from tff_health.experiments.membership_attack import membership_documents  # needs TFF
    from tff_health.privacy.generator_attacks.attacks import own_generator_attacks
    from tff_health.privacy.generator_attacks.image_membership import (
        ATTACKS,
        discriminator_membership,
        image_membership,
    )

    names = (*ATTACKS, *(attack.name for attack in own_generator_attacks()))
    effort: Any = {"resamples": _RESAMPLES, "permutations": _RESAMPLES}
    rng = generator(seed, "membership")
    result = image_membership(trained.images, strangers.images, synthetic, rng=rng, attacks=names, **effort)
    if realism is not None:
        both = trained.joined(strangers)
        of_trained, of_strangers = np.split(realism(both.images, both.labels), [len(trained)])
        if np.isfinite(of_trained).all() and np.isfinite(of_strangers).all():  # else it has diverged, and knows nobody
            own = discriminator_membership(
                of_trained, of_strangers, rng=generator(seed, "discriminator membership"), **effort
            )
            result = replace(result, attacks={**result.attacks, own.name: own})
    note = f"non-members are the {strangers.name}; simulated hospitals hold none out, so images of all are compared"
    return {name: attack.model_dump(mode="json") for name, attack in membership_documents(result, note).items()}
