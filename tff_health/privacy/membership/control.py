"""The attack's own control: a model that it must catch, and one that it must not.

An attack that finds nothing proves little unless it is seen to find something. So, on rows of the very dataset, a wide
network is trained until it has learnt its few patients by heart: half of the labels are coin flips, and each patient
carries a random identifier as a careless export would leave in, so that there is something to learn by heart even in
a table with one column. The attacks must tell its members. A second such network is trained on other patients; for it
the same members and non-members are all strangers, and no attack may tell them apart.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from data.errors import DataError
from tff_health.privacy.membership.auc import LEVEL
from tff_health.privacy.membership.inference import run_membership_inference
from tff_health.privacy.membership.result import MembershipResult
from tff_health.runtime.seeds import generator, integer_seed

MUST_EXCEED = 0.6
STRICT_LEVEL = 0.999
MOST_ROWS = 180
FEWEST_ROWS = 60
SHADOWS = 8
_IDENTIFIER = 32
_UNITS = 128
_STEPS = 60
_RESAMPLES = 300


@dataclass(frozen=True)
class MembershipControl:
    """The attacks' control.

    Attributes:
        overfitted: attacks on a model that learnt its members by heart.
        unseen: the same attacks and rows, on a model that saw none of them. Its intervals are 99.9 % ones: 95 % would
            miss .5 once in twenty data sets by chance.
    """

    overfitted: MembershipResult
    unseen: MembershipResult

    @property
    def caught(self) -> bool:
        """Whether the headline attack's AUC on the overfitted model has its lower end above .6."""
        return self.overfitted.headline.low > MUST_EXCEED

    @property
    def false_alarm(self) -> bool:
        """Whether the headline attack's interval on the unseen rows lies above .5."""
        return self.unseen.headline.detects_membership

    @property
    def passed(self) -> bool:
        """Whether the attacks can be believed."""
        return self.caught and not self.false_alarm

    @property
    def statement(self) -> str:
        """The control's outcome in a sentence."""
        caught, unseen = self.overfitted.headline, self.unseen.headline
        figures = (
            f"a model that learnt its patients by heart has AUC {caught.auc:.2f} "
            f"({caught.level:.0%} interval {caught.low:.2f} to {caught.high:.2f}), "
            f"one that never saw them {unseen.auc:.2f} "
            f"({unseen.level:.1%} interval {unseen.low:.2f} to {unseen.high:.2f})"
        )
        if self.passed:
            return f"The attack's control passed: {figures}."
        return f"The attack's control FAILED, so its figures on other models prove nothing: {figures}."


def run_control(
    features: npt.ArrayLike, labels: npt.ArrayLike, hospitals: npt.ArrayLike, seed: int
) -> MembershipControl:
    """Runs the default attacks on an overfitted model and on one that saw none of the rows.

    Up to 180 rows are drawn, as evenly over hospitals as their sizes are: a third trains the overfitted model, a third
    is held out, a third trains the other model. Training is scikit-learn's and central; what is tested is the attack.

    Args:
        features: of any rows of the dataset, [rows, ...].
        labels: 0 or 1, [rows].
        hospitals: each row's hospital, [rows].
        seed: the experiment's seed.

    Raises:
        DataError: fewer than 60 rows, or no hospital with three.
    """
    names = np.asarray(hospitals).astype(str)
    table = np.asarray(features, np.float64).reshape(len(names), -1)
    rng = generator(seed, "membership control")
    rows, third = _thirds(names, rng)
    flips = rng.random(len(rows)) < 0.5
    truth = np.where(flips, rng.integers(0, 2, len(rows)), np.asarray(labels).reshape(-1)[rows]).astype(np.int64)
    spread = table[rows].std(axis=0)
    columns = (table[rows] - table[rows].mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    known = np.hstack([columns / np.sqrt(columns.shape[1]), rng.normal(size=(len(rows), _IDENTIFIER))])
    pool = third < 2
    fit = partial(_scores_when_trained_on, known, truth, pool, integer_seed(seed, "membership control"))
    trained: dict[bytes, np.ndarray] = {}

    def shadows(masks: np.ndarray) -> np.ndarray:
        scores = []
        for number, mask in enumerate(masks, 1):
            chosen = np.zeros(len(rows), bool)
            chosen[np.flatnonzero(pool)[mask]] = True
            key = mask.tobytes()
            if key not in trained:
                trained[key] = fit(chosen, number)
            scores.append(trained[key])
        return np.stack(scores)

    results = []
    for chosen, level in ((third == 0, LEVEL), (third == 2, STRICT_LEVEL)):
        # The same stream for both, so that both are compared with the same shadows.
        results.append(
            run_membership_inference(
                fit(chosen, 0),
                truth[pool],
                names[rows][pool],
                third[pool] == 0,
                shadows,
                shadows=SHADOWS,
                rng=generator(seed, "membership control", "attack"),
                resamples=_RESAMPLES,
                permutations=_RESAMPLES,
                level=level,
            )
        )
    return MembershipControl(*results)


def _thirds(hospitals: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rows drawn within hospitals, and 0, 1 or 2 for each: a third of every hospital's rows apiece."""
    share = min(1.0, MOST_ROWS / len(hospitals))
    rows, third = [], []
    for name in np.unique(hospitals):
        here = rng.permutation(np.flatnonzero(hospitals == name))
        taken = int(share * len(here)) // 3 * 3
        rows.append(here[:taken])
        third.append(np.arange(taken) % 3)
    drawn = np.concatenate(rows)
    if len(drawn) < FEWEST_ROWS:
        raise DataError(
            f"membership control: {len(drawn)} usable rows are too few; {FEWEST_ROWS} are needed, in hospitals "
            "that give three or more."
        )
    return drawn, np.concatenate(third)


def _scores_when_trained_on(
    features: np.ndarray, labels: np.ndarray, scored: np.ndarray, seed: int, chosen: np.ndarray, number: int
) -> np.ndarray:
    """The scores of the pool under a wide network trained long on the chosen rows."""
    model = MLPClassifier((_UNITS,), solver="lbfgs", alpha=0.0, max_iter=_STEPS, random_state=(seed + number) % 2**32)
    if len(np.unique(labels[chosen])) < 2:
        raise DataError("membership control: the drawn rows have one label only; it needs both.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # stopped after some steps on purpose
        model.fit(features[chosen], labels[chosen])
    return model.predict_proba(features[scored])[:, 1]
