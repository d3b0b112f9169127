"""Which arms make synthetic images, what each is for, and which classifier speaks for what their images are worth."""

from __future__ import annotations

from tff_health.reporting.guarantee import is_private
from tff_health.reporting.results import Arm, DatasetResult, Metric
from tff_health.reporting.synthesis.arms import purpose
from tff_health.reporting.synthesis.ranking import Ranking, rank
from tff_health.reporting.synthesis.splits import scored_splits
from tff_health.reporting.synthesis_document import Purpose

NETWORK = "cnn"
TSTR = "tstr"
REAL_PART = {TSTR: "trtr", "augmented": "trtr", "low-data-augmented": "low-data"}
"""What classifiers of an arm were trained with -> the same without its images."""
PURPOSES: tuple[Purpose, ...] = ("synthesiser", "ablation", "own-generator", "control")
"""In the order of tables."""


def image_arms(dataset: DatasetResult, wanted: Purpose) -> dict[str, Arm]:
    """The dataset's arms that make synthetic images for this purpose, by name, in the order of the file."""
    return {name: arm for name, arm in dataset.arms.items() if arm.images is not None and purpose(name, arm) == wanted}


def generators(dataset: DatasetResult) -> dict[str, Arm]:
    """The arms that stand for synthesis: neither ablations nor controls nor a hospital's own."""
    return image_arms(dataset, "synthesiser")


def plain_generators(dataset: DatasetResult) -> dict[str, Arm]:
    """Those without a guarantee."""
    return {name: arm for name, arm in generators(dataset).items() if not is_private(arm)}


def private_generators(dataset: DatasetResult) -> dict[str, Arm]:
    """Those with a finite epsilon."""
    return {name: arm for name, arm in generators(dataset).items() if is_private(arm)}


def all_image_arms(dataset: DatasetResult) -> dict[str, Arm]:
    """All that make images, in the order of tables."""
    return {name: arm for wanted in PURPOSES for name, arm in image_arms(dataset, wanted).items()}


def headline(dataset: DatasetResult) -> str | None:
    """The arm without a guarantee that speaks for synthetic images; None where there is none.

    The federated DCGAN; else the first federated arm of the file, else the first. Never the best on held-out images,
    which would flatter.
    """
    plain = plain_generators(dataset)
    federated = [name for name, arm in plain.items() if arm.federated]
    gans = [name for name in federated if (made := plain[name].images) is not None and made.kind == "dcgan"]
    first = [*(name for name in gans if name == "dcgan"), *gans, *federated, *plain]
    return first[0] if first else None


def classifier_names(dataset: DatasetResult) -> list[str]:
    """The classifiers that were scored, in the recorded order, without their mean."""
    recorded = dataset.images.classifiers if dataset.images else []
    metrics = [dataset.images.real_metrics] if dataset.images else []
    metrics += [arm.metrics for arm in all_image_arms(dataset).values()]
    scored = dict.fromkeys(
        parts[1]
        for found in metrics
        for name in found
        if len(parts := name.split("/")) == 3 and parts[0] in (TSTR, "trtr") and parts[1] != "mean"
    )
    return [*(name for name in recorded if name in scored), *(name for name in scored if name not in recorded)]


def speaking_classifier(dataset: DatasetResult) -> str:
    """The classifier whose figures speak for images: the network, else the mean, else the first that was scored."""
    names = classifier_names(dataset)
    if NETWORK in names or not names:
        return NETWORK
    averaged = any(f"{TSTR}/mean/auc" in arm.metrics for arm in all_image_arms(dataset).values())
    return "mean" if averaged else names[0]


def worth_metric(dataset: DatasetResult, measure: str, trained_with: str = TSTR) -> str:
    """Name of the speaking classifier's metric: `tstr/cnn/auc`."""
    return f"{trained_with}/{speaking_classifier(dataset)}/{measure}"


def real_metric(dataset: DatasetResult, name: str) -> Metric:
    """What real images give in the place of a metric of an arm: `tstr/cnn/auc` finds `trtr/cnn/auc`."""
    recorded = dataset.images.real_metrics if dataset.images else {}
    first, _, rest = name.partition("/")
    return recorded.get(f"{REAL_PART.get(first, first)}/{rest}") or Metric()


def ranked(dataset: DatasetResult, arms: dict[str, Arm]) -> Ranking | None:
    """The arms by the speaking classifier's AUC, or accuracy, on the seeds they share; None where neither is known."""
    return rank(arms, (worth_metric(dataset, "auc"), worth_metric(dataset, "accuracy")))


def judged_images(dataset: DatasetResult, arm: Arm) -> Arm:
    """The arm as parts on classifiers read it: `test/accuracy` and `test/auc` are the speaking classifier's."""
    judged = {f"test/{measure}": arm.metric(worth_metric(dataset, measure)) for measure in ("accuracy", "auc")}
    return arm.model_copy(update={"metrics": {**arm.metrics, **judged}})


def dataset_seeds(dataset: DatasetResult) -> int:
    """How many generators each arm was to have; 0 where the file does not say."""
    recorded = dataset.images.seeds if dataset.images else 0
    return recorded or max(map(scored_splits, all_image_arms(dataset).values()), default=0)


def fewer_seeds(dataset: DatasetResult, arm: Arm) -> str:
    """`2 of 3 seeds` for an arm that was scored under fewer than the dataset was run with; else empty."""
    count, of = scored_splits(arm), dataset_seeds(dataset)
    return f"{count} of {of} seeds" if 0 < count < of else ""
