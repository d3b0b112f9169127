"""One arm over the cells of a study: metrics, guarantee, attacks and audit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tff_health.experiments.studies.statistics import t_interval
from tff_health.reporting.document import Metric
from tff_health.reporting.formatting import number, plural
from tff_health.reporting.privacy_document import Audit, MembershipAttack, Privacy
from tff_health.reporting.results import Arm, Round

_FROM_ATTACKS = ("membership/", "audit/")


def merge_arms(parts: Sequence[Arm]) -> Arm:
    """One arm over its cells, in the order of their seeds.

    Predictions, confusion and per-round figures of single hospitals stay in the cells' own reports.
    """
    first = parts[0]
    attacked = [part.membership for part in parts if part.membership]
    names = dict.fromkeys(name for part in parts for name in part.metrics)
    metrics = {name: merge_metrics([part.metric(name) for part in parts]) for name in names}
    membership = {
        name: merge_attack([attacks[name] for attacks in attacked if name in attacks])
        for name in dict.fromkeys(name for attacks in attacked for name in attacks)
    }
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
        secure_aggregation=first.secure_aggregation,
        membership=membership,
        audit=audit,
        cost={
            key: t_interval(part.cost.get(key) for part in parts).value
            for key in dict.fromkeys(key for part in parts for key in part.cost)
        },
    )


def merge_metrics(parts: Sequence[Metric]) -> Metric:
    """Mean over cells with Student's t interval; `seeds` are the cells' own values, `n` the smallest of theirs."""
    mean = t_interval(part.value for part in parts)
    counts = [part.n for part in parts if part.n]
    return Metric(
        value=mean.value,
        low=mean.low,
        high=mean.high,
        n=min(counts, default=0),
        seeds=[part.value for part in parts],
    )


def merge_attack(parts: Sequence[MembershipAttack]) -> MembershipAttack:
    """An attack over the cells that were attacked."""
    first = parts[0]
    over = f"Mean over {plural(len(parts), 'attacked cell')}, with Student's t interval over them."
    if len(parts) == 1:
        over = "One cell was attacked; the interval is that of its patients."
    hospitals = [name for name in first.hospitals if all(name in part.hospitals for part in parts)]
    whole = merge_metrics if len(parts) > 1 else lambda metrics: metrics[0]
    # Sentences that quote a cell's own figures differ between cells and stay in the cells' reports.
    shared = [s for s in _sentences(first.note) if all(s in _sentences(part.note) for part in parts)]
    return MembershipAttack(
        auc=whole([part.auc for part in parts]),
        auc_pooled=whole([part.auc_pooled for part in parts]),
        tpr_at_1pct_fpr=whole([part.tpr_at_1pct_fpr for part in parts]),
        advantage=whole([part.advantage for part in parts]),
        hospitals={name: whole([part.hospitals[name] for part in parts]) for name in hospitals},
        members=min(part.members for part in parts),
        non_members=min(part.non_members for part in parts),
        shadows=min(part.shadows for part in parts),
        note=" ".join([over, *shared]),
    )


def _rounds(parts: Sequence[Arm]) -> list[Round]:
    """Pooled metrics by round, without each cell's own values, which would be most of the file."""
    numbers = [entry.round for entry in parts[0].rounds]
    found = []
    for number_ in numbers:
        entries = [entry for part in parts for entry in part.rounds if entry.round == number_]
        names = dict.fromkeys(name for entry in entries for name in entry.metrics if not name.startswith("hospital/"))
        merged = {name: merge_metrics([e.metrics[name] for e in entries if name in e.metrics]) for name in names}
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
    if not parts:
        return None
    worst = max(parts, key=lambda audit: audit.epsilon_lower)
    if len(parts) == 1:
        return worst
    flagged = sum(audit.flagged for audit in parts)
    sentence = (
        f"The largest lower bound of {len(parts)} audited cells is {number(worst.epsilon_lower, 2)}; {flagged} of them "
        f"were flagged. {worst.sentence}"
    )
    if flagged == 0 and worst.epsilon_claimed is not None:
        chance = 1 - worst.confidence ** len(parts)
        sentence += f" With so many audits, one of a sound mechanism is flagged with probability up to {chance:.2f}."
    return worst.model_copy(update={"flagged": flagged > 0, "sentence": sentence})


def _sentences(note: str) -> list[str]:
    return [part if part.endswith(".") else f"{part}." for part in note.split(". ") if part]
