"""The rows of P1, Poojari 2026: what it says, and what the parts of a study have of each."""

from __future__ import annotations

from tff_health.reporting.collections.document import Finding, PaperRow, Place
from tff_health.reporting.collections.evidence import (
    Found,
    Parts,
    Test,
    arms,
    classifies,
    datasets,
    drawn,
    measured,
    place,
    protects,
    references,
    scores,
)
from tff_health.reporting.contradictions import contradictions
from tff_health.reporting.formatting import interval, number, percent
from tff_health.reporting.guarantee import NOT_SECURE, lower, upper
from tff_health.reporting.paper import COHORT, PAPER_DATASET
from tff_health.reporting.results import Arm, Reference
from tff_health.reporting.synthesis.arms import headline as synthesis_headline

# Figure of the paper, what it shows, our figures, the reference's source, and the section where ours stand.
_FIGURES = (
    ("Fig. 6", "accuracy and loss by round", "rounds", "P1 Table 1", ""),
    ("Fig. 7", "shares of diagnoses", "shares", "P1 Fig. 7", ""),
    ("Fig. 8", "age distribution", "age", "", ""),
    ("Fig. 9", "correlation of features", "correlation", "P1 Fig. 9", ""),
    ("Fig. 10", "accuracy against epsilon", "privacy-utility", "P1 Fig. 10", "privacy"),
    ("Fig. 11", "pair plot", "pairs", "", ""),
    ("Fig. 12", "accuracy and loss by communication round", "rounds", "P1 Fig. 12", ""),
    ("Fig. 13", "mode collapse", "synthesis-collapse", "", "synthesis"),
    ("Fig. 14", "confusion matrix", "confusion", "P1 Fig. 14", ""),
    ("Fig. 15", "ROC curve", "roc", "P1 Fig. 15", ""),
    ("Fig. 16", "histograms, real and synthetic", "synthesis-columns", "", "synthesis"),
)


def p1_rows(parts: Parts) -> list[PaperRow]:
    """Every row of P1, in its order."""
    return [
        PaperRow(
            row="P1.1",
            title="Five rounds of federated learning",
            paper="Five clients of 100 rows, five rounds; accuracy .49 to .60 (Table 1) on client 0's training rows.",
            findings=_five_rounds(parts),
        ),
        PaperRow(
            row="P1.2",
            title="Data preparation",
            paper="Missing values, scalers and encoders of pandas and scikit-learn, on rows in one place.",
            findings=_preparation(parts),
        ),
        PaperRow(
            row="P1.3",
            title="Differential privacy (eq. 3)",
            paper="Gaussian noise on the gradient; no clipping, no epsilon that belongs to the noise.",
            findings=[_guarantees("accuracy and AUC at each guarantee", parts, lambda arm: True)],
        ),
        PaperRow(
            row="P1.4",
            title="Secure aggregation (eq. 4)",
            paper="The server sees the sum of updates alone; the listing averages them in the clear.",
            findings=[_secure(parts)],
            note="Sums of TFF's simulated secure aggregation are computed in the clear; masks between hospitals on "
            "machines of their own are not part of these runs.",
        ),
        PaperRow(
            row="P1.5",
            title="Local differential privacy (Fig. 2)",
            paper="Clients add noise before anything is sent.",
            findings=[_guarantees("noise added in every hospital, without trust in the server", parts, _is_local)],
        ),
        PaperRow(
            row="P1.6",
            title="Homomorphic encryption",
            paper="Named in the introduction; neither described nor used.",
            findings=[Finding(what="encrypted aggregation", theirs="none", ours="none; docs/privacy.md says why")],
        ),
        PaperRow(
            row="P1.7",
            title="A GAN's patients beside real ones (eq. 5)",
            paper="Synthetic patients augment federated training; no figure is given.",
            findings=[_augmented(parts)],
        ),
        PaperRow(
            row="P1.8",
            title="Membership inference",
            paper="Named as the measure of privacy leakage; no attack is run.",
            findings=[_membership(parts), _audits(parts)],
        ),
        PaperRow(row="P1.9", title="Figures 6 to 16", paper="Eleven figures.", findings=_figures(parts)),
        PaperRow(
            row="P1.10",
            title="Claims that contradict each other",
            paper="Figures, text, table and listing disagree.",
            findings=_contradictions(parts),
        ),
    ]


def _five_rounds(parts: Parts) -> list[Finding]:
    found = []
    for metric in ("accuracy", "loss"):
        last = [
            (part, one) for part, one in references(parts, "P1 Table 1") if (one.row, one.metric) == ("Round 5", metric)
        ]
        shown = [(part, one) for part, one in last if one.arm in ("paper-listing", _headline(parts, part))]
        if shown:
            ours = "; ".join(
                f"{_title(parts, part, one)} {number(one.ours)}" for part, one in shown if one.ours is not None
            )
            found.append(
                Finding(
                    what=f"{metric} after round 5",
                    theirs=number(shown[0][1].theirs, 4 if metric == "loss" else 2),
                    ours=ours,
                    places=[place(parts, part, section="paper") for part in dict.fromkeys(part for part, _ in shown)],
                )
            )
    return found or [Finding(what="accuracy and loss by round", theirs=".60 after round 5")]


def _headline(parts: Parts, part: str) -> str | None:
    dataset = parts[part].results.datasets.get(PAPER_DATASET)
    return dataset.headline_arm if dataset else None


def _title(parts: Parts, part: str, reference: Reference) -> str:
    dataset = parts[part].results.datasets.get(reference.dataset or "")
    return dataset.arms[reference.arm].title if dataset and reference.arm in dataset.arms else str(reference.arm)


def _preparation(parts: Parts) -> list[Finding]:
    return [
        Finding(what=dataset.title, ours=" ".join(dataset.preprocessing), places=[place(parts, part, name)])
        for part, name, dataset in datasets(parts)
        if dataset.preprocessing and dataset.arms
    ]


def _is_local(arm: Arm) -> bool:
    return arm.privacy is not None and (arm.privacy.model_extra or {}).get("trust_model_key") == "each-hospital"


def _guarantees(what: str, parts: Parts, test: Test) -> Finding:
    found = [
        (one, f"(epsilon {upper(one.arm.privacy.epsilon)} per {one.arm.privacy.unit}): {scores(one.arm, 'test')}")
        for one in arms(parts, protects)
        if one.arm.privacy is not None and test(one.arm)
    ]
    return measured(what, "none", found, "privacy", parts)


def _secure(parts: Parts) -> Finding:
    found = [
        (one, f"({NOT_SECURE}): {scores(one.arm, 'test')}")
        for one in arms(parts, classifies)
        if one.arm.secure_aggregation == "simulated"
    ]
    return measured("accuracy and AUC through secure sums", "none", found, "", parts)


def _augmented(parts: Parts) -> Finding:
    found: list[tuple[Found, str]] = []
    for one in arms(parts, lambda arm: arm.synthesis is not None):
        if one.label != synthesis_headline(one.dataset):
            continue
        both = one.arm.metric("augmented/mean/auc")
        real = one.dataset.synthesis.real_metrics.get("trtr/mean/auc") if one.dataset.synthesis else None
        if both.value is not None and real is not None:
            found.append((one, f"AUC {interval(both)}, real rows alone {interval(real)}"))
    return measured("classifiers trained on real and synthetic rows, mean AUC", "none", found, "synthesis", parts)


def _membership(parts: Parts) -> Finding:
    found = [
        (one, f"{interval(one.arm.metric('membership/auc'), 2)}")
        for one in arms(parts)
        if one.arm.metric("membership/auc").value is not None
        and one.label in (one.dataset.headline_arm, synthesis_headline(one.dataset), "pooled")
    ]
    return measured("AUC of the headline attack, .5 being guessing", "none", found, "privacy", parts)


def _audits(parts: Parts) -> Finding:
    found = [
        (one, f"at least {lower(one.arm.audit.epsilon_lower)}, at most {upper(one.arm.audit.epsilon_claimed)}")
        for one in arms(parts)
        if one.arm.audit is not None and one.arm.audit.epsilon_claimed is not None
    ]
    return measured("epsilon between the audit's bound and the accountant's", "none", found, "privacy", parts)


def _figures(parts: Parts) -> list[Finding]:
    found = []
    for figure, what, name, source, section in _FIGURES:
        beside = [(part, one) for part, one in references(parts, source)] if source else []
        known = [one for _, one in beside if one.ours is not None]
        theirs = ours = ""
        if figure != "Fig. 6" and known:  # Table 1 has a row of its own
            chosen = known[-1] if figure == "Fig. 12" else known[0]
            theirs = f"{chosen.row}, {chosen.metric}: {_value(chosen, chosen.theirs)}"
            ours = _value(chosen, chosen.ours)
        places = drawn(parts, name, section)
        about = next((one.dataset for one in known if one.dataset), COHORT)
        title = next((dataset.title for _, own, dataset in datasets(parts) if own == about), "")
        places.sort(key=lambda where: not where.words.endswith(f": {title}"))
        found.append(
            Finding(
                what=f"{figure}, {what}",
                theirs=theirs or "drawn",
                ours=ours or ("drawn" if places else ""),
                places=places,
            )
        )
    return found


def _value(reference: Reference, value: float | None) -> str:
    if value is None:
        return "\N{EN DASH}"
    return percent(value) if reference.metric == "share" else number(value, 0 if reference.metric == "count" else 2)


def _contradictions(parts: Parts) -> list[Finding]:
    for part, run in parts.items():
        if PAPER_DATASET in run.results.datasets:
            where = [Place(part=part, anchor="contradictions", words=f"{part}, contradictions")]
            return [
                Finding(what=one.place, theirs=f"{one.claim} {one.problem}", ours=one.here, places=where)
                for one in contradictions(run.results)
            ]
    return []
