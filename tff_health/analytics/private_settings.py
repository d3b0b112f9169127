"""Settings of preprocessing that keeps a privacy guarantee. Cheap to import: neither TensorFlow nor dp-accounting."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from data.errors import SettingsError
from tff_health.analytics.encoder import OneHot
from tff_health.analytics.imputer import Imputation
from tff_health.analytics.missing_indicators import MissingIndicators
from tff_health.analytics.scaler import Scaling

if TYPE_CHECKING:
    import dp_accounting

NoisePlacement = Literal["server", "shared", "each-hospital"]
"""Who adds the noise: the server to the total, all hospitals a share each, or each hospital all of it."""

_TRUST = {
    "server": "The server is trusted: it sees each hospital's exact sums, or their exact total, and adds the noise.",
    "shared": "The secure sum is trusted, and every hospital to add its share of the noise; only the total is noisy "
    "enough. Hospitals that pool what they added can take their shares off again.",
    "each-hospital": "Nobody but the patient's own hospital is trusted: what it sends already has the full noise.",
}


@dataclass(frozen=True)
class PrivateStatistics:
    """How one differentially private release of sums is made.

    Unit: a patient, who is one row of one hospital. Adjacency: zero-out, the patient's contribution to the sums
    replaced by zeros; the number of hospitals and each hospital's number of rows are public constants.

    Attributes:
        noise_multiplier: standard deviation of the noise divided by the L2 sensitivity of the sums, above 0.
        placement: who adds the noise.
        hospitals: how many take part; exactly so many must, since shares of the noise rest on it.
        secure_sum: whether hospitals' values go through a secure sum, which under TFF is simulated: NOT SECURE.
    """

    noise_multiplier: float
    placement: NoisePlacement
    hospitals: int
    secure_sum: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.noise_multiplier) and self.noise_multiplier > 0):
            raise SettingsError(
                f"noise_multiplier of the private statistics must be above 0 and finite, not {self.noise_multiplier}: "
                "without noise there is no guarantee."
            )
        if self.placement not in get_args(NoisePlacement):
            raise SettingsError(
                f"placement of the noise must be one of {', '.join(get_args(NoisePlacement))}, not {self.placement!r}."
            )
        if self.hospitals < 1:
            raise SettingsError(f"hospitals must be 1 or more, not {self.hospitals}.")
        if self.placement == "shared" and not self.secure_sum:
            raise SettingsError(
                "noise in shares protects nobody whose hospital's own sum is seen: set secure_sum=True, or place the "
                "noise at 'each-hospital'."
            )

    @property
    def backend(self) -> Literal["native", "test"]:
        """The execution context that the release needs."""
        return "test" if self.secure_sum else "native"

    @property
    def trust_model(self) -> str:
        """Whom a patient must trust, for the report."""
        simulated = " The secure sum is simulated: NOT SECURE." if self.secure_sum else ""
        return _TRUST[self.placement] + simulated

    def total_stddev(self, sensitivity: float) -> float:
        """Standard deviation of the noise on each entry of the total, as who uses the total meets it."""
        stddev = self.noise_multiplier * sensitivity
        return stddev * math.sqrt(self.hospitals) if self.placement == "each-hospital" else stddev

    def event(self) -> dp_accounting.DpEvent:
        """The one release, for the accountant.

        A Gaussian mechanism (Dwork and Roth, "The Algorithmic Foundations of Differential Privacy", 2014, appendix A)
        of this noise multiplier for every patient, wherever the noise is added: with `each-hospital` the observer sees
        hospitals one by one, and only the patient's own depends on the patient.
        """
        import dp_accounting

        return dp_accounting.GaussianDpEvent(self.noise_multiplier)


@dataclass(frozen=True)
class PrivatePreprocessing:
    """Which preprocessing is made within the privacy budget.

    Attributes:
        mode: `public`: of the schema alone, at no cost; `dp`: of a differentially private release of those statistics
            that the other settings need, and of no more.
        imputation: see `strategies_by_kind`. Default `middle` and `all_zero` (public), `mean` and `most_frequent` (dp).
        typical: public fill values, see `TablePreprocessor.from_schema`; mode `public` only.
        scaling: `symmetric-bounds`, `bounds` or `none`; with mode `dp` also `standard`.
        reach: of `symmetric-bounds`, see `TablePreprocessor.from_schema`; mode `public` only.
        scale_categories: whether 0/1 columns become -1 and 1 with `symmetric-bounds`, are standardised with `standard`.
        one_hot: see `FeatureEncoder.fit`.
        missing_indicators: `schema`, names of features, or False.
        bins: the most histogram bins per numeric column, for medians and modes. Fewer bins have less noise to find a
            median in.
        release: how the release is made; mode `dp` only.
    """

    mode: Literal["public", "dp"] = "public"
    imputation: Imputation | None = None
    typical: Mapping[str, float] = field(default_factory=dict)
    scaling: Scaling = "symmetric-bounds"
    reach: float = 1.0
    scale_categories: bool = False
    one_hot: OneHot = "all"
    missing_indicators: MissingIndicators = False
    bins: int = 16
    release: PrivateStatistics | None = None

    def __post_init__(self) -> None:
        if self.mode not in ("public", "dp"):
            raise SettingsError(f"mode of the private preprocessing must be public or dp, not {self.mode!r}.")
        if self.mode == "dp" and self.release is None:
            raise SettingsError("private preprocessing of mode 'dp' needs release: how much noise, and who adds it.")
        if self.mode == "public" and self.release is not None:
            raise SettingsError("private preprocessing of mode 'public' releases nothing: leave release out.")
        if self.mode == "dp" and self.typical:
            raise SettingsError("typical values are for mode 'public': in mode 'dp' choose imputation 'mean'.")
        if self.mode == "dp" and self.reach != 1.0:
            raise SettingsError("reach is for mode 'public': in mode 'dp' choose scaling 'standard'.")
        if self.scale_categories and self.scaling not in ("symmetric-bounds", "standard"):
            raise SettingsError(
                f"scale_categories goes with scaling 'symmetric-bounds' or 'standard', not with {self.scaling!r}."
            )
        if self.bins < 1:
            raise SettingsError(f"bins must be 1 or more, not {self.bins}.")
