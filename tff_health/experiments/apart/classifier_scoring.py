"""How well scikit-learn's classifiers do on patients whom no coordinator sees.

They are fitted on synthetic rows, which the coordinator has, and sent to the hospitals as TensorFlow operations. Every
hospital counts its held-out patients by class, by what they are called and by where their score lies among the scores
of the synthetic rows; only the sums of these counts over all hospitals, masked, reach the coordinator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_federated as tff

from tff_health.evaluation.synthesis.classifiers_in_graph import GraphClassifier
from tff_health.evaluation.synthesis.utility import HeldOutPredictions
from tff_health.runtime.at_hospital import AtHospital

BINS = 1000
Labelled = Callable[[Any], tuple[tf.Tensor, tf.Tensor]]
"""A hospital's element -> what classifiers take, float64 [rows, width], and labels, int32 [rows]."""


def score_edges(classifier: GraphClassifier, rows: np.ndarray) -> np.ndarray:
    """Edges of score bins that hold about as many of these rows each, which need not be anybody's.

    Args:
        classifier: whose scores they are.
        rows: synthetic, float64 [rows, width].

    Returns:
        float64, ascending, at most 999.
    """
    # In a graph, as hospitals compute it: a network cannot be asked otherwise.
    scores = tf.function(lambda asked: classifier(asked).scores)(tf.constant(rows, tf.float64)).numpy()
    return np.unique(np.quantile(scores, np.linspace(0, 1, BINS + 1)[1:-1]))


def build_classifier_scoring(
    classifiers: Mapping[str, tuple[GraphClassifier, np.ndarray]],
    element_type: tff.Type,
    labelled: Labelled,
    most_rows: int,
) -> tff.Computation:
    """Builds `(element@CLIENTS -> counts@SERVER)`.

    Args:
        classifiers: by name, each with its `score_edges`.
        element_type: of what a hospital makes of its held-out patients.
        labelled: features and labels of it.
        most_rows: of the largest hospital, a public number.

    Returns:
        A computation whose result has for each classifier int64 [2, 2, bins]: patients by class, call and score.
    """
    sizes = {name: len(edges) + 1 for name, (_, edges) in classifiers.items()}

    @tff.tensorflow.computation(element_type)
    def counted(element: Any) -> Any:
        features, labels = labelled(element)
        counts = []
        for name, (classifier, edges) in classifiers.items():
            found = classifier(features)
            bins = tf.searchsorted(tf.constant(edges, tf.float64), found.scores, side="right")
            places = (labels * 2 + tf.cast(found.called, tf.int32)) * sizes[name] + bins
            flat = tf.math.bincount(places, minlength=4 * sizes[name], maxlength=4 * sizes[name], dtype=tf.int64)
            counts.append(tf.reshape(flat, [2, 2, sizes[name]]))
        return tuple(counts)

    bits = max(most_rows, 1).bit_length()

    @tff.federated_computation(tff.FederatedType(element_type, tff.CLIENTS))
    def scoring(elements: Any) -> Any:
        parts = tff.federated_map(counted, elements)
        return tff.federated_zip([tff.federated_secure_sum_bitwidth(parts[place], bits) for place in range(len(sizes))])

    return scoring


def count_scores(
    classifiers: Mapping[str, tuple[GraphClassifier, np.ndarray]],
    elements: Sequence[AtHospital],
    labelled: Labelled,
) -> dict[str, np.ndarray]:
    """The counts of `build_classifier_scoring` over all hospitals, by classifier."""
    element_type = elements[0].make.type_signature.result
    scoring = build_classifier_scoring(classifiers, element_type, labelled, max(map(len, elements)))
    return {name: np.asarray(own) for name, own in zip(classifiers, scoring(list(elements)), strict=True)}


def counted_predictions(name: str, counts: np.ndarray) -> HeldOutPredictions:
    """Patients as counts tell of them, in an order that says nothing; scores are the numbers of bins.

    Args:
        name: of the classifier.
        counts: int64 [2, 2, bins].
    """
    label, called, score = (np.repeat(place, counts.ravel()) for place in np.indices(counts.shape).reshape(3, -1))
    return HeldOutPredictions(label.astype(np.int64), {name: called}, {name: score.astype(np.float64)})
