"""Sums of per-patient clipped gradients: what DP-SGD adds noise to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import tensorflow as tf

from data.errors import SettingsError, WrongKindError
from tff_health.learning.clipping.clip_scales import Clipping
from tff_health.learning.clipping.layer_groups import layer_groups
from tff_health.learning.clipping.many_passes import mapped_clipped_sum
from tff_health.learning.clipping.method import MethodChoice, choose_method, refuse_mixing_layers
from tff_health.learning.clipping.one_pass import one_pass_clipped_sum
from tff_health.learning.clipping.patient_independence import check_patient_independence, has_values
from tff_health.learning.clipping.patient_loss import check_loss

Method = Literal["auto", "fast", "vectorized"]


@dataclass(frozen=True)
class ClippedSum:
    """What one call returns.

    Attributes:
        gradients: sum over patients of clipped gradients, in the order of `model.trainable_variables`.
        losses: float32 [batch], each patient's loss.
        norms: float32 [batch], the norm of each patient's whole gradient before clipping; NaN exactly where the
            patient was left out because loss or gradient was not finite.
    """

    gradients: tuple[tf.Tensor, ...]
    losses: tf.Tensor
    norms: tf.Tensor


class ClippedSumFunction:
    """Computes `ClippedSum` for a batch; made by `build_clipped_sum`.

    Attributes:
        method: "fast" or "vectorized", whichever runs.
        reason: why, in a few words.
    """

    def __init__(
        self,
        model: tf.keras.Model,
        loss: tf.keras.losses.Loss,
        groups: list[list[int]],
        *,
        clip: float,
        clipping: Clipping,
        choice: MethodChoice,
    ) -> None:
        self.method, self.reason = choice.method, choice.reason
        self._model, self._loss, self._groups = model, loss, groups
        self._clip, self._clipping = clip, clipping

    def __call__(self, features: Any, labels: tf.Tensor) -> ClippedSum:
        """The sum over the batch's patients.

        Args:
            features: [batch, ...], or the structure of such tensors that the model takes. The batch may be empty.
            labels: [batch, 1].
        """
        # Asked here: the work below is marked as not for AutoGraph, but a user's layers may well need it.
        return self._compute(features, labels, tf.__internal__.autograph.control_status_ctx())

    @tf.autograph.experimental.do_not_convert
    def _compute(self, features: Any, labels: tf.Tensor, autograph: Any) -> ClippedSum:
        compute = one_pass_clipped_sum if self.method == "fast" else mapped_clipped_sum
        gradients, losses, norms = compute(
            self._model,
            self._loss,
            features,
            labels,
            groups=self._groups,
            clip=self._clip,
            clipping=self._clipping,
            autograph=autograph,
        )
        return ClippedSum(gradients, losses, norms)


def build_clipped_sum(
    model: tf.keras.Model,
    loss: tf.keras.losses.Loss,
    *,
    clip: float,
    clipping: Clipping = "flat",
    method: Method = "auto",
) -> ClippedSumFunction:
    """A function from a batch to the sum of its patients' clipped gradients (Abadi et al. 2016, arXiv 1607.00133).

    Replacing one patient by an empty one moves the sum by at most `clip` in L2, whatever the patient's features,
    label and the weights. "flat" multiplies a patient's whole gradient by min(1, clip / norm). "per-layer" does so
    with every layer's gradient and the bound clip / sqrt(layers with weights), so that the whole is bounded by
    `clip` again (McMahan et al. 2018, "A general approach to adding differential privacy to iterative training
    procedures", arXiv 1812.06210, section 3). The layers are the parts of *one* vector, computed from one and the
    same sample of patients: noise of standard deviation clip * noise_multiplier on every coordinate is one joint
    Gaussian mechanism with that multiplier, hence one event of the accountant, not one for each layer.

    Patients whose loss or gradient is not finite, or whose squared norm is beyond float32, contribute exactly zero.
    Squares are summed in double precision where they could vanish, so the bound holds to 1e-6 in float32.

    The returned function runs eagerly, in a `tf.function`, in its loops and in a TFF computation; it calls the
    model with `training=True`. "fast" takes one forward and one backward pass (`one_pass.py`), "vectorized" maps
    the gradient over patients; "auto" is "fast" where that is valid (`choose_method`).

    Called eagerly, it also probes with numbers that no patient changes another's loss. In a TFF computation or a
    `tf.function` a model has no values to probe with: there, call `check_patient_independence` once, before, on a
    model of the same function.

    Args:
        model: built, from features to predictions, one row a patient.
        loss: any Keras loss with one value a row; its reduction does not matter.
        clip: bound on the norm of a patient's contribution, above 0.
        clipping: "flat" or "per-layer".
        method: "auto", "fast" or "vectorized".

    Raises:
        SettingsError: `clip`, `clipping` or `method` is not one of these, or the fast way is not valid here.
        WrongKindError: the model mixes patients (batch normalisation), adds losses of its own, changes weights
            outside the gradient or has none to train; or the loss has no value for each patient.
    """
    if not (isinstance(clip, int | float) and math.isfinite(clip) and clip >= SMALLEST_CLIP):
        raise SettingsError(f"clip must be a number of at least {SMALLEST_CLIP:g}, got {clip!r}.")
    if clipping not in get_args(Clipping):
        raise SettingsError(f"clipping must be one of {', '.join(get_args(Clipping))}, got {clipping!r}.")
    if method not in get_args(Method):
        raise SettingsError(f"method must be one of {', '.join(get_args(Method))}, got {method!r}.")
    if not isinstance(model, tf.keras.Model):
        raise WrongKindError(f"the model is a {type(model).__name__}, not a tf.keras.Model.")
    check_loss(loss)
    refuse_mixing_layers(model)
    groups = layer_groups(model)
    choice = choose_method(model)
    if method == "fast" and choice.method != "fast":
        raise SettingsError(f'method "fast" is not valid for this model: {choice.reason}; use "auto".')
    if method == "vectorized":
        choice = MethodChoice("vectorized", "asked for")
    if has_values(model):
        check_patient_independence(model, loss)
    return ClippedSumFunction(model, loss, groups, clip=float(clip), clipping=clipping, choice=choice)


# Below, squares of float32 gradients near the bound would vanish.
SMALLEST_CLIP = 1e-12
