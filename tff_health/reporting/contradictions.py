"""Where the paper contradicts itself or the arithmetic, and what this run has to say about it."""

from __future__ import annotations

from dataclasses import dataclass

from tff_health.reporting import figure_10, paper
from tff_health.reporting.formatting import interval, listing, number, percent, plural
from tff_health.reporting.results import Results


@dataclass(frozen=True)
class Contradiction:
    """One of the paper's claims that does not hold together.

    Attributes:
        place: where in the paper.
        claim: what it says.
        problem: why that cannot be, in plain sentences.
        here: what this run measured, or that it measured nothing.
    """

    place: str
    claim: str
    problem: str
    here: str


def contradictions(results: Results) -> list[Contradiction]:
    """The contradictions of P1, each with this run's own figures where it has them."""
    lowest = paper.FIGURE_14_COUNTS["tn"] + paper.FIGURE_14_COUNTS["tp"]
    # Clopper-Pearson lower end when every one of n is right: (alpha / 2) ** (1 / n).
    bound = 0.025 ** (1 / lowest)
    (low_epsilon, high_accuracy), (high_epsilon, low_accuracy) = figure_10.FIGURE_10_ACCURACY.items()
    printed = ", ".join(number(accuracy, 2) for _, accuracy in paper.LISTING_PRINTOUT.values())
    tabled = ", ".join(number(accuracy, 2) for _, accuracy in paper.TABLE_1.values())
    return [
        Contradiction(
            "Listing, client training",
            "Five rounds of federated learning improve one shared model.",
            "The listing builds a new model with fresh random weights for every client in every round and "
            "never "
            "gives it the global model. The average of five such models is all that a round produces, so a "
            "fifth "
            "round is no better than a first.",
            _listing_measured(results),
        ),
        Contradiction(
            "Listing, evaluation",
            "The final accuracy measures how well the federation predicts.",
            "The listing scores the model on client 0's own training rows. There are no held-out patients, "
            "and "
            f"with {paper.TRAINING_ROWS} rows chance alone moves an accuracy near one half by 10 points "
            "either "
            "way.",
            "Every arm here is scored on held-out patients that took no part in training, with an interval.",
        ),
        Contradiction(
            "Text and Table 1 against the listing's printout",
            f"The fifth round reaches {paper.listing_end()}.",
            f"The printout's accuracies are {printed}; Table 1 has {tabled} for the same rounds. The "
            "printed run "
            "first falls to 0.37: the steady rise of Table 1 is not what the listing showed.",
            "Table 1 and the printout are both set beside the rerun listing above."
            if paper.PAPER_DATASET in results.datasets
            else "This run did not include the paper's data.",
        ),
        Contradiction(
            "Fig. 12 against Table 1",
            "Over five rounds accuracy goes from 0.60 to 0.80 and loss from 0.40 to 0.30.",
            "Table 1 gives the same five rounds as 0.49 to 0.60 and 0.6980 to 0.6863. Both cannot describe "
            "one "
            "experiment, and nothing in the paper produces Fig. 12's values.",
            _rounds_measured(results),
        ),
        Contradiction(
            "Fig. 10, privacy-utility curve",
            f"Accuracy falls from {percent(high_accuracy)} at epsilon {low_epsilon:g} to "
            f"{percent(low_accuracy)} "
            f"at epsilon {high_epsilon:g}.",
            f"The direction is impossible. {figure_10.IMPOSSIBLE}. The listing adds no noise at all, so no epsilon can "
            "have been measured with it.",
            figure_10.measured(results),
        ),
        Contradiction(
            "Fig. 14, confusion matrix",
            "4 true negatives and 4 true positives show few classification errors.",
            f"That is {plural(lowest, 'patient')}. Even with every one of them right, the 95 % interval of "
            "the "
            f"accuracy reaches from {percent(bound)} to 100 %; and a threshold that makes no error would "
            "mean an "
            "AUC of 1, not the 0.80 of Fig. 15.",
            _confusion_measured(results),
        ),
        Contradiction(
            "Abstract",
            "Differential privacy and secure aggregation are implemented and their cost is measured.",
            "The listing contains neither: weights are averaged in the clear and no noise is added.",
            "What protects each arm of this run is stated under Privacy.",
        ),
    ]


def _listing_measured(results: Results) -> str:
    mock = results.datasets.get(paper.PAPER_DATASET)
    arm = mock.arms.get("paper-listing") if mock else None
    if arm is None or mock is None:
        return "This run did not include the listing."
    here = f"Rerun, the listing ends at accuracy {interval(arm.metric('test/accuracy'))} on held-out patients"
    headline = mock.headline_arm
    if headline is None:
        return f"{here}."
    best = mock.arms[headline]
    there = interval(best.metric("test/accuracy"))
    return f"{here}; {best.title}, which does pass the model on, ends at {there}."


def _rounds_measured(results: Results) -> str:
    mock = results.datasets.get(paper.PAPER_DATASET)
    headline = mock.headline_arm if mock else None
    if mock is None or headline is None or len(mock.arms[headline].rounds) < 2:
        return "This run has no rounds on the paper's data."
    arm = mock.arms[headline]
    trained = [entry for entry in arm.rounds if entry.round > 0]
    spans = []
    for metric in ("accuracy", "loss"):
        values = [entry.metrics[f"test/{metric}"].value for entry in trained if f"test/{metric}" in entry.metrics]
        if values:
            spans.append(f"{metric} from {number(values[0])} to {number(values[-1])}")
    return f"{arm.title} takes {listing(spans)} over {plural(len(trained), 'round')}, held out."


def _confusion_measured(results: Results) -> str:
    parts = []
    for dataset in results.datasets.values():
        confusion = dataset.arms[dataset.headline_arm].confusion if dataset.headline_arm else None
        if confusion:
            count = confusion.tn + confusion.fp + confusion.fn + confusion.tp
            parts.append(f"{plural(count, 'patient')} of {dataset.title}")
    return f"The matrices here count {listing(parts)}." if parts else "This run has no confusion matrix."
