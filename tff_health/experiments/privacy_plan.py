"""From an arm's privacy settings and the hospitals' public sizes to the mechanism that runs and what it will cost."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from data.errors import SettingsError
from tff_health.aggregators.hospital_dp import HospitalLevelDp
from tff_health.aggregators.quantisation import quantisation_step
from tff_health.experiments.settings import Candidate
from tff_health.learning.patient_dp import PatientLevelDp
from tff_health.privacy.budget import Budget, check_budget
from tff_health.privacy.composition import Event

if TYPE_CHECKING:
    from tff_health.aggregators.catalogue import Factory

_SMALLEST_SHARE = 1e-5  # a hundred steps of a float32 weight of order one
_STDDEVS = 10.0  # of a share of Gaussian noise that a secure sum's range leaves room for


@dataclass(frozen=True)
class PrivacyPlan:
    """What one private arm runs in every repeat.

    Attributes:
        candidate: the arm's hyperparameters.
        rows: each training hospital's public number of rows.
        patient: DP-SGD in the hospitals, for patient-level privacy.
        hospital: the aggregation mechanism, for hospital-level privacy.
        budget: what one trained model may spend; infinite where only the noise was given.
    """

    candidate: Candidate
    rows: Mapping[str, int] = field(hash=False)
    patient: PatientLevelDp | None
    hospital: HospitalLevelDp | None
    budget: Budget

    @property
    def mechanism(self) -> PatientLevelDp | HospitalLevelDp:
        """The one that makes the guarantee."""
        mechanism = self.patient or self.hospital
        assert mechanism is not None
        return mechanism

    @property
    def noise_has_state(self) -> bool:
        """Whether a round's noise follows from the state before it, so that a round that ran may never run again."""
        return self.hospital is not None and self.hospital.mechanism == "tree"

    def round_release(self, round_number: int) -> tuple[Event, int] | None:
        """What a round costs: the event of one step and how many steps; None where an earlier round has paid.

        Tree aggregation is not a sum over rounds: its first round pays for all.
        """
        if self.patient is not None:
            return self.patient.step_event(), self.patient.local_steps
        assert self.hospital is not None
        if self.hospital.mechanism != "tree":
            return self.hospital.release(1), 1
        return (self.hospital.release(self.candidate.rounds), 1) if round_number == 1 else None

    def aggregator(self) -> Factory | str:
        """What the learning process aggregates with."""
        if self.hospital is not None:
            return self.hospital.build_factory()
        if self.candidate.aggregator != "secure-mean":
            return self.candidate.aggregator
        from tff_health.aggregators.secure_mean import build_secure_mean

        return build_secure_mean(len(self.rows), self.update_bound)

    @property
    def update_bound(self) -> float:
        """A public bound on every entry of a hospital's update: all patients at the clip, and ten standard deviations.

        For steps of SGD; adaptive client optimizers step by about their learning rate, so ten of these are a bound.
        """
        assert self.patient is not None
        dp, candidate = self.patient, self.candidate
        if candidate.client_optimizer not in ("sgd", "momentum"):
            return 10.0 * candidate.client_learning_rate * dp.local_steps
        total = dp.clip * max(self.rows.values()) + _STDDEVS * dp.noise_stddev
        momentum = 10.0 if candidate.client_optimizer == "momentum" else 1.0
        assert dp.expected_batch is not None
        return momentum * candidate.client_learning_rate * dp.local_steps * total / dp.expected_batch


def plan_privacy(
    candidate: Candidate, rows: Mapping[str, int], preprocessing: Event | None = None, dimension: int | None = None
) -> PrivacyPlan:
    """Finds the noise for an arm's target epsilon, or takes the noise that is given.

    Args:
        candidate: of an arm with `privacy`.
        rows: each training hospital's number of rows, which counts as public.
        preprocessing: what the arm's preprocessing released about patients, which counts towards the epsilon.
        dimension: the model's parameters, for discrete hospital-level noise.

    Raises:
        SettingsError: no noise reaches the target, delta is too large for so many patients, or a value that the
            mechanism refuses.
    """
    settings = candidate.privacy
    assert settings is not None
    units = sum(rows.values()) if settings.level == "patient" else len(rows)
    if settings.epsilon is not None:
        check_budget(settings.epsilon, settings.delta, settings.level, units)
    else:
        check_budget(1.0, settings.delta, settings.level, units)
    noise = settings.noise_multiplier or _calibrated(candidate, tuple(rows.items()), preprocessing, dimension)
    patient, hospital = _mechanism(candidate, rows, noise, dimension)
    epsilon = settings.epsilon if settings.epsilon is not None else float("inf")
    budget = Budget(epsilon, settings.delta, settings.level, settings.accountant)
    plan = PrivacyPlan(candidate, dict(rows), patient, hospital, budget)
    if settings.epsilon is not None and settings.noise_multiplier is not None:
        _require_a_round(plan, preprocessing)
    if patient is not None and patient.noise == "shared":
        _require_visible_shares(plan)
    return plan


def _require_visible_shares(plan: PrivacyPlan) -> None:
    """Refuses shares of noise that rounding would swallow: to float32 weights, or to the secure sum's grid."""
    assert plan.patient is not None
    assert plan.patient.expected_batch is not None
    share = plan.candidate.client_learning_rate * plan.patient.noise_stddev / plan.patient.expected_batch
    if share < _SMALLEST_SHARE or quantisation_step(len(plan.rows), plan.update_bound) > share / 4:
        raise SettingsError(
            f"privacy: a hospital's share of the noise moves a weight by {share:.2g} only, which rounding would "
            "swallow; raise noise_multiplier, clip or client_learning_rate."
        )


def _require_a_round(plan: PrivacyPlan, preprocessing: Event | None) -> None:
    from tff_health.privacy.accountant import epsilon
    from tff_health.privacy.composition import compose

    first = plan.round_release(1)
    assert first is not None
    before = [] if preprocessing is None else [(preprocessing, 1)]
    cost = epsilon(compose([*before, first]), plan.budget.delta, plan.budget.accountant).epsilon
    if cost > plan.budget.epsilon:
        raise SettingsError(
            f"privacy: epsilon {plan.budget.epsilon:g} does not cover a single round, which costs {cost:.3g} with "
            f"noise multiplier {plan.mechanism.noise_multiplier:g}; raise epsilon or noise_multiplier."
        )


def _mechanism(
    candidate: Candidate, rows: Mapping[str, int], noise: float, dimension: int | None
) -> tuple[PatientLevelDp | None, HospitalLevelDp | None]:
    settings = candidate.privacy
    assert settings is not None
    if settings.level == "patient":
        dp = PatientLevelDp(
            clip=settings.clip,
            noise_multiplier=noise,
            hospitals=len(rows),
            sampling_rate=settings.sampling_rate,
            local_steps=settings.local_steps,
            clipping=settings.clipping,
            noise=settings.noise,
            # The same divisor everywhere: the mean over hospitals then weighs every patient of the federation alike.
            expected_batch=max(settings.sampling_rate * sum(rows.values()) / len(rows), 1.0),
        )
        return dp, None
    options: dict[str, Any] = {}
    if settings.mechanism == "gaussian-adaptive":
        options = {
            "target_quantile": settings.target_quantile,
            "clipped_count_stddev": settings.clipped_count_stddev,
        }
    hospital = HospitalLevelDp(
        settings.mechanism,
        clip=settings.clip,
        noise_multiplier=noise,
        hospitals=len(rows),
        rounds=candidate.rounds,
        dimension=dimension,
        **options,
    )
    return None, hospital


@functools.lru_cache(maxsize=256)
def _calibrated(
    candidate: Candidate, rows: tuple[tuple[str, int], ...], preprocessing: Event | None, dimension: int | None
) -> float:
    """The smallest noise for the target; remembered, as every repeat and every audit asks for the same."""
    import dp_accounting

    from tff_health.privacy.calibration import noise_for_epsilon

    settings = candidate.privacy
    assert settings is not None
    assert settings.epsilon is not None
    sizes = dict(rows)

    def everything(noise: float) -> Event:
        try:
            patient, hospital = _mechanism(candidate, sizes, noise, dimension)
        except SettingsError:
            # The search tries noise that the mechanism cannot make; the noise that is found is checked below.
            return dp_accounting.SelfComposedDpEvent(dp_accounting.GaussianDpEvent(noise), candidate.rounds)
        if hospital is not None:
            return hospital.release(candidate.rounds)
        assert patient is not None
        run = patient.event(candidate.rounds)
        return run if preprocessing is None else dp_accounting.ComposedDpEvent([preprocessing, run])

    noise = noise_for_epsilon(everything, settings.epsilon, settings.delta, settings.accountant)
    try:
        _mechanism(candidate, sizes, noise, dimension)
    except SettingsError as error:
        raise SettingsError(f"privacy: epsilon {settings.epsilon:g} is out of reach: {error}") from error
    return noise
