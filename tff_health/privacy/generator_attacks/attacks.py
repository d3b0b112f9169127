"""Attacks on a generator by name, and the place where users add their own.

    @register_generator_attack("second-nearest", title="Second closest synthetic row")
    def second_nearest(view: GeneratorView) -> np.ndarray:
        "Members have two synthetic rows close by."
        ...

The attacker sees the synthetic table and a reference: other people of the same population. An attack gives every
candidate a number, higher for likelier members, that must not depend on the other candidates. It is scored by ranks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

from tff_health.privacy.attack_registry import AttackRegistry, NamedAttack, checked_scores

_NEIGHBOURS = 5
_CELLS = 4_000_000  # distances in one block, to bound memory


@dataclass(frozen=True)
class GeneratorView:
    """What the attacker sees, as points (`features.TableFeatures`).

    Attributes:
        candidates: rows whose membership is asked, float64 [rows, entries].
        synthetic: the generator's rows, [synthetic, entries].
        reference: other people's rows, [people, entries].
    """

    candidates: np.ndarray
    synthetic: np.ndarray
    reference: np.ndarray


GeneratorAttackFunction = Callable[[GeneratorView], np.ndarray]


@dataclass(frozen=True)
class GeneratorAttack(NamedAttack):
    """An attack on a generator.

    Attributes:
        function: from what the attacker sees to float64 [rows], higher for likelier members.
    """

    function: GeneratorAttackFunction


def nearest(view: GeneratorView) -> np.ndarray:
    """Members have a synthetic row close by (Chen et al. 2020, GAN-Leaks, arXiv 1909.03935, full black box)."""
    return -_distances(view.candidates, view.synthetic, 1)[:, 0]


def calibrated_nearest(view: GeneratorView) -> np.ndarray:
    """Members are closer to synthetic rows than people usually are (GAN-Leaks, attack calibration).

    The paper takes the distance to the rows of a reference generator away; here the mean distance to the five closest
    reference people stands for it.
    """
    usual = _distances(view.candidates, view.reference, _NEIGHBOURS).mean(axis=1)
    return np.asarray(usual - _distances(view.candidates, view.synthetic, 1)[:, 0])


def density_ratio(view: GeneratorView) -> np.ndarray:
    """Members lie where synthetic rows are denser than people (van Breugel et al. 2023, DOMIAS, arXiv 2302.12580).

    The logarithm of both densities' ratio, each from Gaussian kernels. The population's have Scott's
    bandwidth, n^(-1 / (d + 4)); the synthetic table's have half of it, as what is sought there is peaks. With the same
    bandwidth for both, the few reference people's noise hides them: on tables resampled from patients with noise of .6
    standard deviations the area was .74 instead of .88.
    """
    return _log_density(view.candidates, view.synthetic, 0.5) - _log_density(view.candidates, view.reference, 1.0)


def monte_carlo(view: GeneratorView) -> np.ndarray:
    """Members have many synthetic rows within a distance (Hilprecht et al. 2019, Monte Carlo attack).

    The distance is the median, over reference people, of that to the closest synthetic row (the paper's median
    heuristic, which takes it over the candidates). In: Proceedings on Privacy Enhancing Technologies 2019 (4).
    """
    radius = np.median(_distances(view.reference, view.synthetic, 1))
    return np.concatenate([(block <= radius).mean(axis=1) for block in _blocks(view.candidates, view.synthetic)])


def _distances(rows: np.ndarray, others: np.ndarray, neighbours: int) -> np.ndarray:
    """Euclidean distances to the closest others, in any order, float64 [rows, neighbours or fewer]."""
    closest = min(neighbours, len(others))
    nearby = [np.partition(block, closest - 1, axis=1)[:, :closest] for block in _blocks(rows, others)]
    return np.concatenate(nearby)


def _blocks(rows: np.ndarray, others: np.ndarray) -> Iterator[np.ndarray]:
    """Euclidean distances, some rows at a time, float64 [rows among them, others]."""
    size = max(1, _CELLS // len(others))
    for start in range(0, len(rows), size):
        yield cdist(rows[start : start + size], others)


def _log_density(rows: np.ndarray, others: np.ndarray, part: float) -> np.ndarray:
    from sklearn.neighbors import KernelDensity

    entries = int((others.std(axis=0) > 0).sum())  # a constant entry has no dimension
    bandwidth = part * len(others) ** (-1 / (entries + 4))
    return np.asarray(KernelDensity(bandwidth=bandwidth).fit(others).score_samples(rows))


_BUILT_IN = (
    GeneratorAttack("density-ratio", "Density ratio (DOMIAS)", density_ratio),
    GeneratorAttack("nearest", "Closest synthetic row (GAN-Leaks)", nearest),
    GeneratorAttack("calibrated-nearest", "Closest synthetic row, calibrated (GAN-Leaks)", calibrated_nearest),
    GeneratorAttack("monte-carlo", "Synthetic rows around (Monte Carlo)", monte_carlo),
)
DEFAULT_ATTACKS = tuple(attack.name for attack in _BUILT_IN)
"""What runs unless told otherwise; the first is the headline, fixed before any generator was attacked."""

_ATTACKS = AttackRegistry("attack on a generator", _BUILT_IN)

generator_attack_names = _ATTACKS.names
own_generator_attacks = _ATTACKS.own
find_generator_attack = _ATTACKS.find
unregister_generator_attack = _ATTACKS.remove


def register_generator_attack(name: str, *, title: str) -> Callable[[GeneratorAttackFunction], GeneratorAttackFunction]:
    """Decorates a function of `GeneratorView` that returns float [candidates], higher for likelier members.

    Args:
        name: lower-case letters, digits, `_` and `-`.
        title: for people.

    Raises:
        SettingsError: the name is malformed or a built-in attack's.
    """
    _ATTACKS.check_new(name)

    def register(function: GeneratorAttackFunction) -> GeneratorAttackFunction:
        _ATTACKS.add(GeneratorAttack(name, title, function))
        return function

    return register


def generator_attack_scores(attack: GeneratorAttack, view: GeneratorView) -> np.ndarray:
    """Runs an attack and checks what it returns.

    Returns:
        float64 [candidates].

    Raises:
        SettingsError: the attack failed, or did not return one number a candidate.
    """
    return checked_scores(
        attack.function, view, len(view.candidates), attack=f"attack {attack.name!r}", rows="candidates"
    )
