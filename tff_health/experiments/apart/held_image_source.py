"""Synthetic images from hospitals that keep theirs, and what can be measured of them by sums."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from data.image_federation import LabelledImages
from data.streams import stream
from tff_health.evaluation.images.frozen_classifier import train_classifier
from tff_health.evaluation.images.image_set import ImageSet
from tff_health.evaluation.images.network_in_graph import network_in_graph
from tff_health.evaluation.images.utility import NETWORK, stopping_split
from tff_health.evaluation.synthesis.classifiers import bare_classifier
from tff_health.evaluation.synthesis.classifiers_in_graph import (
    GraphClassifier,
    GraphScores,
    classifier_in_graph,
    constant_in_graph,
)
from tff_health.experiments.apart.classifier_scoring import count_scores, score_edges
from tff_health.experiments.apart.counted_utility import counted_utility
from tff_health.experiments.apart.held_images import held_images, held_out_images
from tff_health.experiments.apart.image_federation import HeldImageFederation
from tff_health.experiments.generators.cells import finite_intervals, plain_metrics
from tff_health.experiments.images.measuring import UNLABELLED
from tff_health.experiments.images.parts import Part
from tff_health.experiments.images.settings import ImagesArm, ImagesSettings
from tff_health.hospitals.context import HospitalsContext
from tff_health.hospitals.costs import Costs
from tff_health.privacy.trust import SecureAggregation


class HeldImageSource:
    """See `images.image_source.ImageSource`.

    Args:
        settings: of the whole experiment.
        name: the dataset in the settings.
        federation: what the hospitals published of it.
        hospitals: their TFF context.
    """

    hiding: SecureAggregation = "masked"

    def __init__(
        self, settings: ImagesSettings, name: str, federation: HeldImageFederation, hospitals: HospitalsContext
    ) -> None:
        self.federation, self._hospitals = federation, hospitals
        self._resamples, self._chosen = settings.bootstrap, settings.evaluation_of(name)
        self._images = held_images(name, federation.facts)
        self._test = held_out_images(name, federation.facts)

    @property
    def digest(self) -> str:
        """See `ImageSource`: of names and numbers of images, as none is at hand."""
        return self.federation.fingerprint

    def context(self) -> AbstractContextManager[Any]:
        """See `ImageSource`."""
        installed: AbstractContextManager[Any] = tff.framework.get_context_stack().install(self._hospitals)
        return installed

    def costs(self) -> Costs:
        """See `ImageSource`."""
        return self._hospitals.costs

    def parts(self, arm: ImagesArm) -> tuple[Part, ...]:
        """See `ImageSource`: all hospitals together."""
        counts = self.federation.training_images
        return (Part("", self._images, tuple(counts), tuple(counts.values())),)

    def measure_real(self, *, first: bool, only: bool, seed: int) -> dict[str, Any]:
        """See `ImageSource`: nothing, as classifiers cannot be trained on images that are apart."""
        return {"metrics": {}, "intervals": {}}

    def measure_synthetic(
        self,
        part: Part,
        images: LabelledImages | np.ndarray,
        frozen: Callable[[], Any],
        *,
        augments: bool,
        only: bool,
        seed: int,
        realism: Any,
        done: Callable[[str], None],
    ) -> dict[str, Any]:
        """See `ImageSource`: utility alone."""
        document: dict[str, Any] = {"metrics": {}, "intervals": {}, "attacks": {}, "images": len(images), "notes": []}
        if not isinstance(images, LabelledImages):
            return document | {"notes": [UNLABELLED]}
        synthetic = ImageSet(images.pixels, images.labels, "synthetic images")
        rows = images.pixels.reshape(len(images), -1)
        fitted = {name: self._fitted(name, synthetic, seed) for name in self._chosen.classifiers}
        scoring: dict[str, tuple[GraphClassifier, np.ndarray]] = {
            name: (own, score_edges(own, rows)) for name, own in fitted.items()
        }
        if scoring:
            counts = count_scores(scoring, self._test, _labelled)
            found = counted_utility(counts, seed=seed, resamples=self._resamples)
            document["metrics"] = plain_metrics(found.metrics)
            document["intervals"] = finite_intervals(found.intervals) if only else {}
            done("tstr")
        return document

    def real_pictures(self) -> Mapping[str, np.ndarray]:
        """See `ImageSource`: none."""
        return {}

    def nearest_pictures(self, part: Part, images: LabelledImages | np.ndarray) -> Mapping[str, np.ndarray]:
        """See `ImageSource`: none."""
        return {}

    def _fitted(self, name: str, synthetic: ImageSet, seed: int) -> GraphClassifier:
        """A classifier trained as `evaluation.images.utility` trains it, on rows of pixels."""
        if len(synthetic.classes) < 2:
            return constant_in_graph(bool(synthetic.classes[0]))
        if name != NETWORK:
            bare = bare_classifier(name, len(synthetic), seed)
            return classifier_in_graph(bare.fit(synthetic.images.reshape(len(synthetic), -1), synthetic.labels))
        rest, stopping = stopping_split(synthetic, stream(seed, "stopping images"))
        asked = network_in_graph(train_classifier(rest, stopping, seed=seed).extractor)
        shape = [-1, *synthetic.images.shape[1:]]

        def decided(rows: tf.Tensor) -> GraphScores:
            logits = tf.cast(asked(tf.reshape(tf.cast(rows, tf.float32), shape))[0][:, 0], tf.float64)
            return GraphScores(logits, logits >= 0)

        return decided


def _labelled(element: Any) -> tuple[tf.Tensor, tf.Tensor]:
    pixels, labels = element
    return tf.cast(pixels, tf.float64), labels
