"""Which synthesiser is best at which epsilon, what the guarantee costs, and whether a GAN earns its place."""

from __future__ import annotations

from dataclasses import dataclass

from tff_health.reporting.formatting import interval, listing, plural
from tff_health.reporting.guarantee import named
from tff_health.reporting.results import Arm, DatasetResult, Metric
from tff_health.reporting.synthesis.arms import (
    MEAN_ACCURACY,
    MEAN_AUC,
    best_of,
    family,
    headline,
    levels,
    ranked,
    real_metric,
)
from tff_health.reporting.synthesis.gaps import Gap, split_gap
from tff_health.reporting.synthesis.ranking import left_out_sentence
from tff_health.reporting.synthesis.splits import fewer_splits, scored_splits

# Families that need no more than one round of noisy counts, the simplest first.
_HISTOGRAMS = ("label-histograms", "independent-marginals")


@dataclass(frozen=True)
class Budget:
    """One epsilon.

    Attributes:
        epsilon: as text.
        arms: private synthesisers made for it, by name.
        best: name of the one with the highest mean AUC on held-out patients, over the splits that all compared share.
        compared: names of those that were compared.
        shared: the splits on which they were; 0 where the file does not say.
        left_out: name -> splits of those scored in too few to be compared.
        splits: how many the best was scored in, where not in all: `3 of 5 splits`.
        chosen: the one recorded beforehand for this epsilon; None where there is none.
        accuracy: of the best.
        auc: of the best.
        real_gap: the best against real rows in AUC.
        cost: the best against the arm without a guarantee that speaks for synthesis, in AUC.
        gan_gap: the best DP-CTGAN against the best of noisy histograms, in AUC.
        gan: title of that DP-CTGAN.
        histogram: title of those histograms.
    """

    epsilon: str
    arms: dict[str, Arm]
    best: str
    compared: tuple[str, ...]
    shared: int
    left_out: dict[str, int]
    splits: str
    chosen: str | None
    accuracy: Metric
    auc: Metric
    real_gap: Gap | None
    cost: Gap | None
    gan_gap: Gap | None
    gan: str
    histogram: str

    @property
    def title(self) -> str:
        """Of the best arm, without its epsilon."""
        return family(self.arms[self.best])


def budgets(dataset: DatasetResult) -> list[Budget]:
    """Every epsilon at which some synthesiser was scored, rising."""
    found = []
    plain = headline(dataset)
    recorded = dataset.synthesis.best_private if dataset.synthesis else {}
    for epsilon, arms in levels(dataset).items():
        ranking = ranked(arms)
        if ranking is None:
            continue
        best = ranking.best
        auc = arms[best].metric(MEAN_AUC)
        gan, histogram = best_of(_of_kind(arms, ("ctgan",))), best_of(_of_kind(arms, _HISTOGRAMS))
        beside = (
            split_gap(dataset, arms[gan].metric(MEAN_AUC), arms[histogram].metric(MEAN_AUC))
            if gan and histogram
            else None
        )
        found.append(
            Budget(
                epsilon,
                arms,
                best,
                ranking.compared,
                ranking.shared,
                ranking.left_out,
                fewer_splits(dataset, arms[best]),
                recorded.get(epsilon) if recorded.get(epsilon) in arms else None,
                arms[best].metric(MEAN_ACCURACY),
                auc,
                split_gap(dataset, auc, real_metric(dataset, MEAN_AUC)),
                split_gap(dataset, auc, dataset.arms[plain].metric(MEAN_AUC)) if plain else None,
                beside,
                named(arms[gan]) if gan else "",
                named(arms[histogram]) if histogram else "",
            )
        )
    return found


def winners_sentence(found: list[Budget], measure: str = "mean AUC", scored_in: str = "split") -> str:
    """`At epsilon 1 Label histograms, best of 3 on the 3 splits they share, mean AUC ...; at epsilon 3 ...`.

    Args:
        found: by rising epsilon.
        measure: what `Budget.auc` is.
        scored_in: splits or seeds, in the singular.
    """
    parts = []
    left_out: dict[tuple[str, int], list[str]] = {}
    for one in found:
        rivals = len(one.compared)
        among = f"best of {rivals}" if rivals > 1 else "the only one compared" if one.left_out else "the only one tried"
        if rivals > 1 and one.shared:
            among += f" on the {plural(one.shared, scored_in)} they share"
        text = f"epsilon {one.epsilon} {one.title}, {among}, {measure} {interval(one.auc)}"
        own = scored_splits(one.arms[one.best])
        text += f" over {one.splits or plural(own, scored_in)}" if own else ""
        for name, count in one.left_out.items():
            left_out.setdefault((family(one.arms[name]), count), []).append(one.epsilon)
        if one.chosen is not None and one.chosen != one.best:
            arm = one.arms[one.chosen]
            text += f" (recorded as chosen: {family(arm)}, {interval(arm.metric(MEAN_AUC))})"
        parts.append(text)
    if not parts:
        return ""
    absent = {
        f"{title} (epsilon {listing(list(dict.fromkeys(epsilons)))})": count
        for (title, count), epsilons in left_out.items()
    }
    return " ".join(filter(None, (f"At {'; at '.join(parts)}.", left_out_sentence(absent, scored_in))))


def cost_sentence(dataset: DatasetResult, found: list[Budget]) -> str:
    """What the guarantee costs against the arm without one; empty where there is nothing to hold it against."""
    plain = headline(dataset)
    return costs_against(dataset.arms[plain], found) if plain is not None else ""


def costs_against(plain: Arm, found: list[Budget], measure: str = "mean AUC") -> str:
    """What the guarantee costs against this arm; empty where it was not held against it.

    Args:
        plain: the arm without a guarantee.
        found: by rising epsilon.
        measure: what `Budget.cost` is a difference of.
    """
    parts = []
    for one in found:
        if one.cost is None:
            continue
        words = {
            "worse": "a clear cost",
            "unclear": "no clear cost",
            "better": "no cost, it is ahead",
            "unknown": "",
        }[one.cost.outcome]
        parts.append(f"at epsilon {one.epsilon} {one.cost.words}{f', {words}' if words else ''}")
    if not parts:
        return ""
    return f"Against {named(plain)} without a guarantee, in {measure}: {'; '.join(parts)}."


def gan_sentence(found: list[Budget]) -> str:
    """Whether the DP-CTGAN beats noisy histograms, whichever way it came out; empty where one of them is missing."""
    known = [one for one in found if one.gan_gap is not None]
    if not known:
        return ""
    phrases = {
        "better": "is better than noisy histograms",
        "worse": "is NOT better than noisy histograms, it is clearly worse",
        "unclear": "is not clearly better than noisy histograms",
        "unknown": "cannot be told from noisy histograms (no paired interval)",
    }
    parts = []
    for outcome, phrase in phrases.items():
        at = [one for one in known if one.gan_gap and one.gan_gap.outcome == outcome]
        if at:
            gaps = listing([f"epsilon {one.epsilon}, {one.gan_gap.words}" for one in at if one.gan_gap])
            parts.append(f"{phrase} at {gaps}")
    return f"The DP-CTGAN {'; it '.join(parts)} (mean AUC, CTGAN minus histograms)."


def _of_kind(arms: dict[str, Arm], kinds: tuple[str, ...]) -> dict[str, Arm]:
    return {name: arm for name, arm in arms.items() if arm.synthesis and arm.synthesis.kind in kinds}
