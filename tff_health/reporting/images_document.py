"""The parts of results.json that speak of synthetic images.

Metric names of an arm: `tstr/CLASSIFIER/accuracy`, `tstr/CLASSIFIER/auc`, `tstr/mean/...` (train on synthetic, test on
real), `augmented/...` (train on real and synthetic), `low-data-augmented/...` (on a tenth of the real images and the
synthetic ones), `fd_clf/value`, `fd_clf/floor` and `fd_clf/ratio` (Frechet distance on the features of the project's
frozen classifier, beside that of real from real images), `kernel_distance/value` and `kernel_distance/floor`,
`coverage/precision`, `coverage/recall`, `coverage/density` and `coverage/coverage`, `diversity/CLASS/ssim_real`,
`.../ssim_synthetic` and `.../ssim_difference` (the same with `ms_ssim`), `memorisation/...`, `duplicates/...`,
`membership/...`. Real images have `trtr/...`, `low-data/...` and `duplicates/...` in `DatasetImages.real_metrics`.
`Metric.seeds` holds one value for each seed, in the same order in every arm, so that arms can be paired.

Pictures lie beside results.json as NumPy archives of grey values, uint8:

- `samples` [classes, count, size, size]: of an arm, synthetic, one row where it knows no classes; of the dataset, real
  training images;
- `training` [points, classes, count, size, size] and `training_updates` [points]: an arm's generator as it learnt, from
  the same latent vectors at each point;
- `nearest_samples` and `nearest_real` [count, size, size] and `nearest_psnr` [count]: the synthetic images closest to a
  training image, closest first, that image where it may be shown, and their PSNR in dB;
- `cleaning_before` and `cleaning_after` [count, side, side]: of the dataset, where cleaning was on.
"""

from __future__ import annotations

from pydantic import Field

from tff_health.reporting.document import Count, Document, Metric
from tff_health.reporting.synthesis_document import HistoryPoint, Purpose


class ArmImages(Document):
    """One way of making synthetic images.

    Attributes:
        kind: the generator's family, alike for all epsilons: `dcgan`, `private-dcgan`, ...
        purpose: what the arm is for; None: an ordinary one.
        updates: of the generator.
        images: synthetic ones behind each seed's metrics.
        history: by round, first seed: `discriminator_loss`, `generator_loss`, `score_gap`, ...
        pictures: file of the run folder, first seed; empty for none.
        notes: what a reader must know about this arm.
    """

    kind: str
    purpose: Purpose | None = None
    updates: Count = 0
    images: Count = 0
    history: list[HistoryPoint] = Field(default_factory=list)
    pictures: str = ""
    notes: list[str] = Field(default_factory=list)


class DatasetImages(Document):
    """What all generators of images of a dataset are held against.

    Attributes:
        size: pixels of a side.
        classes: names, by label.
        classifiers: names of those trained on synthetic images, in the order of tables.
        seeds: generators of each arm, each with classifiers of its own.
        images: real training images.
        test_images: real held-out images.
        cleaned: whether borders and burnt-in markers were removed and noise filtered.
        real_metrics: `trtr/CLASSIFIER/accuracy`, `low-data/...`.
        pictures: file of the run folder; empty for none.
        notes: how images were prepared, divided and scored.
    """

    size: Count
    classes: list[str]
    classifiers: list[str] = Field(default_factory=list)
    seeds: Count = 0
    images: Count = 0
    test_images: Count = 0
    cleaned: bool = False
    real_metrics: dict[str, Metric] = Field(default_factory=dict)
    pictures: str = ""
    notes: list[str] = Field(default_factory=list)
