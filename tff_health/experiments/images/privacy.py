"""What an experiment on synthetic images says about privacy, in words for images."""

from __future__ import annotations

from tff_health.experiments.generators.privacy import Wording
from tff_health.privacy.statement import NEVER_COVERED

NOT_COVERED = (
    *NEVER_COVERED,
    "several images of one patient: each is protected as if it were that patient's only one",
    "how images were divided into training, validation and test images",
    "everything measured of synthetic images beside real ones, in the report, results.json, scores.csv and "
    "checkpoints, without noise: distances, copies, attacks, classifiers trained on real images, and each hospital's "
    "exact counts of classes",
    "pictures of the synthetic images that lie closest to real ones, which real images choose",
    "real images that the report shows, where their licence lets it",
    "choosing among synthesizers by such scores",
    "the images' size and classes, hospitals' names and their numbers of images, which are taken as public",
    "errors that stop a run",
)
WORDING = Wording(
    covered="the generator and everything that is sampled from it, as often as wanted",
    not_covered=NOT_COVERED,
    repeats="seeds on the same images",
    secret="keep it with whoever may see its images",
    unit="image",
)
