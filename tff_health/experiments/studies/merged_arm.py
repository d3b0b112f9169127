"""One arm over the cells of a study: metrics, guarantee, attacks and audit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from scipy import stats

from tff_health.evaluation.t_interval import t_interval
from tff_health.reporting.document import Metric
from tff_health.reporting.formatting import number, plural
from tff_health.reporting.privacy_document import Audit, MembershipAttack, Privacy
from tff_health.reporting.results import Arm, Round

_FROM_ATTACKS = ("membership/", "audit/")
_SHARES = {"accuracy", "auc", "sensitivity", "specificity", "f1", "brier", "ece"}
_FEW = 5  # attacked cells below which Student's t says nothing
_CHANCE = 0.01  # a flag that a sound mechanism raises less often than this is believed


def merge_arms(parts: Sequence[Arm]) -> Arm:
    """One arm over its cells, in the order of their seeds.

    Predictions, confusion and per-round figures of single hospitals stay in the cells' own reports.
    """
    first = parts[0]
    attacked = [part.membership for part in parts if part.membership]
    names = dict.fromkeys(name for part in parts for name in part.metrics if not name.startswith(_FROM_ATTACKS))
    metrics = {name: merge_metrics([part.metric(name) for part in parts], _range(name)) for name in names}
    membership = {
        name: merge_attack([attacks[name] for attacks in attacked if name in attacks])
        for name in dict.fromkeys(name for attacks in attacked for name in attacks)
    }
    headline = membership.get("lira") or membership.get("loss")
    if headline is not None:
        metrics |= {"membership/auc": headline.auc, "membership/tpr_at_1pct_fpr": headline.tpr_at_1pct_fpr}
    audit = _audit([part.audit for part in parts if part.audit])
    if audit is not None:  # the strongest evidence, not the mean of it
        metrics["audit/epsilon_lower"] = Metric(value=audit.epsilon_lower, n=audit.canaries)
    return Arm(
        title=first.title,
        description=first.description,
        federated=first.federated,
        settings=first.settings,
        metrics=metrics,
        rounds=_rounds(parts),
        privacy=_privacy([part.privacy for part in parts]),
        aggregator_claim=first.aggregator_claim,
        secure_aggregation=first.secure_aggregation,
        membership=membership,
        audit=audit,
        cost={
            key: t_interval(part.cost.get(key) for part in parts).value
            for key in dict.fromkeys(key for part in parts for key in part.cost)
        },
    )


def merge_metrics(parts: Sequence[Metric], within: tuple[float, float] | None = None) -> Metric:
    """Mean over cells with Student's t interval; `seeds` are the cells' own values, `n` the smallest of theirs.

    Args:
        parts: of the cells.
        within: the metric's range; an interval is cut to it, which takes nothing from its coverage.
    """
    mean = t_interval(part.value for part in parts)
    counts = [part.n for part in parts if part.n]
    low, high = mean.low, mean.high
    if within and low is not None and high is not None:
        low, high = max(low, within[0]), min(high, within[1])
    return Metric(value=mean.value, low=low, high=high, n=min(counts, default=0), seeds=[part.value for part in parts])


def merge_attack(parts: Sequence[MembershipAttack]) -> MembershipAttack:
    """An attack over the cells that were attacked."""
    first = parts[0]
    count = plural(len(parts), "attacked cell")
    if len(parts) == 1:
        over = "One cell was attacked; the interval is that of its patients."
    elif len(parts) < _FEW:
        over = (
            f"Mean over {count}; its interval is the mean of theirs over patients, which no dependence between cells "
            "makes too narrow."
        )
    else:
        over = f"Mean over {count}, with Student's t interval over them."
    hospitals = [name for name in first.hospitals if all(name in part.hospitals for part in parts)]
    # Sentences that quote a cell's own figures differ between cells and stay in the cells' reports.
    shared = [s for s in _sentences(first.note) if all(s in _sentences(part.note) for part in parts)]
    return MembershipAttack(
        auc=_attacked([part.auc for part in parts]),
        auc_pooled=_attacked([part.auc_pooled for part in parts]),
        tpr_at_1pct_fpr=_attacked([part.tpr_at_1pct_fpr for part in parts]),
        advantage=_attacked([part.advantage for part in parts]),
        hospitals={name: _attacked([part.hospitals[name] for part in parts]) for name in hospitals},
        members=min(part.members for part in parts),
        non_members=min(part.non_members for part in parts),
        shadows=min(part.shadows for part in parts),
        note=" ".join([over, *shared]),
    )


def _attacked(parts: Sequence[Metric]) -> Metric:
    """See `merge_attack`: Student's t with few degrees of freedom would span everything."""
    if len(parts) == 1:
        return parts[0]
    if len(parts) >= _FEW:
        return merge_metrics(parts, (0.0, 1.0))
    merged = merge_metrics(parts)
    whole = all(part.low is not None and part.high is not None for part in parts)
    low, high = (
        (t_interval(part.low for part in parts).value, t_interval(part.high for part in parts).value)
        if whole
        else (None, None)
    )
    return merged.model_copy(update={"low": low, "high": high})


def _range(name: str) -> tuple[float, float] | None:
    return (0.0, 1.0) if name.rsplit("/", 1)[-1] in _SHARES else None


def _rounds(parts: Sequence[Arm]) -> list[Round]:
    """Pooled metrics by round, without each cell's own values, which would be most of the file."""
    numbers = [entry.round for entry in parts[0].rounds]
    found = []
    for number_ in numbers:
        entries = [entry for part in parts for entry in part.rounds if entry.round == number_]
        names = dict.fromkeys(name for entry in entries for name in entry.metrics if not name.startswith("hospital/"))
        merged = {
            name: merge_metrics([e.metrics[name] for e in entries if name in e.metrics], _range(name)) for name in names
        }
        found.append(
            Round(round=number_, metrics={name: m.model_copy(update={"seeds": []}) for name, m in merged.items()})
        )
    return found


def _privacy(parts: Iterable[Privacy | None]) -> Privacy | None:
    """The statement of the cell that spent most; no guarantee where one cell gives none."""
    found = list(parts)
    known = [part for part in found if part is not None]
    if len(known) < len(found):
        return None
    unbounded = [part for part in known if part.epsilon is None]
    return unbounded[0] if unbounded else max(known, key=lambda part: part.epsilon or 0.0)


def _audit(parts: Sequence[Audit]) -> Audit | None:
    """The strongest evidence of several audits, with the confidence that is left for the largest of them.

    A sound mechanism is flagged in one audit out of twenty at 95 % confidence, so the arm counts as flagged where more
    cells were than chance explains.
    """
    if not parts:
        return None
    worst = max(parts, key=lambda audit: audit.epsilon_lower)
    if len(parts) == 1:
        return worst
    flagged, wrong = sum(audit.flagged for audit in parts), 1 - worst.confidence
    by_chance = float(stats.binom.sf(flagged - 1, len(parts), wrong))
    confidence = max(0.0, 1 - len(parts) * wrong)
    sentence = (
        f"The largest lower bound of {len(parts)} audited cells is {number(worst.epsilon_lower, 2)}, at "
        f"{confidence:.0%} confidence for the largest of so many; {flagged} of them lay above the claim"
    )
    if flagged:
        sentence += f", which a sound mechanism does with a probability of up to {by_chance:.2g}"
    refuted = flagged > 0 and by_chance < _CHANCE
    own = worst.sentence if refuted else worst.sentence.split(" FLAGGED")[0]  # one audit's verdict is not the study's
    sentence += f". The largest in its own words: {own}"
    return worst.model_copy(update={"flagged": refuted, "sentence": sentence, "confidence": confidence})


def _sentences(note: str) -> list[str]:
    return [part if part.endswith(".") else f"{part}." for part in note.split(". ") if part]
