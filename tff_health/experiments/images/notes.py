"""What a reader must know of how images were divided, made and scored."""

from __future__ import annotations

from data.image_federation import ImageFederation
from tff_health.experiments.apart.image_federation import HeldImageFederation
from tff_health.experiments.images.image_sets import stranger_images
from tff_health.experiments.images.keeping import may_show_real
from tff_health.experiments.images.settings import ImagesSettings
from tff_health.reporting.formatting import listing

_APART = (
    "Hospitals kept all images: classifiers trained on synthetic images went there, and counts of their scores, in "
    "bins of equally many synthetic images, came back as one sum; the mean of the classifiers has no interval within a "
    "seed. Distances, diversity, memorisation and attacks take images and were left out."
)


def evaluation_notes(
    settings: ImagesSettings, name: str, federation: ImageFederation | HeldImageFederation
) -> list[str]:
    """How generators were repeated, what they were asked for, and what intervals and comparisons rest on.

    Args:
        settings: of the whole experiment.
        name: the dataset in the settings.
        federation: its hospitals.
    """
    chosen, seeds = settings.evaluation_of(name), settings.seeds_of(name)
    count = max(round(chosen.images * sum(federation.training_images.values())), 2)
    notes = [f"Every generator is asked for {count:,} images, whatever it was trained on."]
    if seeds == 1:
        notes.append(
            "One generator of each arm; intervals are those over test images, or over images, the networks staying as "
            "they are."
        )
    else:
        notes += [
            f"{seeds} generators of each arm, each with classifiers of its own; training and test images stay, so "
            "that Student's t intervals over seeds speak of other trainings and not of other patients.",
            _fewer(settings, name, seeds),
        ]
    if chosen.classifiers:
        notes.append(
            "A classifier calls an image positive from a score of .5 on; the network stops training by a tenth of what "
            "it is trained on, so that no real image helps it to learn from synthetic ones."
        )
    if chosen.frozen_classifier:
        notes.append(
            "Distances are taken on 64 features of a network that was trained once on all real training images, and "
            "stopped by the validation images; they compare within this dataset only, and are no FID."
        )
    if isinstance(federation, HeldImageFederation):
        return [note for note in (*notes, _APART) if note]
    if chosen.memorisation or chosen.membership:
        notes.append(f"Training images are told from the {stranger_images(federation).name}, which no generator saw.")
    if not may_show_real(federation):
        notes.append(f"No real image is shown, as the licence ({federation.licence}) is not known to be a public one.")
    return [note for note in notes if note]


def _fewer(settings: ImagesSettings, name: str, seeds: int) -> str:
    by_count: dict[int, list[str]] = {}
    for label in settings.datasets[name].arms:
        own = settings.seeds_of(name, label)
        if own < seeds:
            by_count.setdefault(own, []).append(label)
    only = "; ".join(f"{listing(labels)} with {count}" for count, labels in by_count.items())
    within = " Intervals of one seed are those over test images, or over images." if 1 in by_count else ""
    return f"Fitted with the first seeds only: {only} of {seeds}.{within}" if only else ""
