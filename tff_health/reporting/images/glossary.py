"""What the words of the section on synthetic images mean, in a line each."""

from __future__ import annotations

from tff_health.reporting.images.arms import PURPOSES, dataset_seeds, generators, image_arms
from tff_health.reporting.results import Results
from tff_health.reporting.synthesis.arms import family

_WORDS = {
    "Synthetic images": "Pictures that a generator draws at random, each of a class that is asked for. None shows a "
    "person, yet they can give persons away where the generator has learnt images by heart.",
    "DCGAN": "Two convolutional networks that train against each other (Radford, Metz and Chintala 2016): the "
    "generator turns random numbers into images, the discriminator tells them from real ones.",
    "Train on synthetic, test on real (TSTR)": "Classifiers are trained on synthetic images alone and tested on "
    "held-out real ones. The yardstick is the same classifiers trained on real images (TRTR).",
    "Augmented, low-data": "Classifiers trained on real and synthetic images together; low-data: on a tenth of the "
    "real images, with or without the synthetic ones.",
    "Accuracy": "Share of held-out real images classified rightly.",
    "AUC": "Area under the ROC curve: the chance that an image with the finding scores above one without. 0.5 is "
    "guessing, 1 is perfect.",
    "FD-clf, floor, ratio": "Fréchet distance between real and synthetic images on the features of a classifier of our "
    "own, trained on real images and then frozen: 0 for equal sets, in no unit. The floor is the distance of real "
    "images from other real ones, as many on either side; the ratio is the distance over its floor. The usual FID has "
    "another network and other numbers: the two cannot be compared.",
    "Kernel distance": "The same question without assuming a shape of the features (KID, Bińkowski et al. 2018); about "
    "0 where nothing differs, and then as often below as above.",
    "Precision and recall, density and coverage": "Whether synthetic images lie where real ones do (precision, "
    "density), and whether they reach everywhere real ones are (recall, coverage).",
    "SSIM, MS-SSIM": "Structural similarity of two images, 1 for equal ones (Wang et al. 2004); MS-SSIM looks at "
    "several resolutions. Between images of one class it tells how varied they are; to the closest training image, how "
    "much is repeated.",
    "Diversity within a class": "Mean SSIM of random pairs of one class, synthetic minus real: above 0 the images are "
    "more alike than real ones, as when a generator makes few kinds of images only (mode collapse). Noise lowers it.",
    "PSNR": "Peak signal-to-noise ratio of two images in decibels: higher is closer, infinite for a copy "
    "(a dash in tables); 30 dB is a typical difference of 3 % of the grey scale.",
    "Nearer to training than to held-out": "Share of synthetic images whose closest real image is a training image, as "
    "if as many were held out; above 0.5 the generator remembers.",
    "Near copies": "Share of synthetic images closer to a training image than all but 5 % of held-out images are.",
    "Attacks on synthetic images": "Nearest neighbour: an image is called a training image where a synthetic one lies "
    "close (Chen et al. 2020), also calibrated by a reference. Discriminator: by the score of the discriminator "
    "itself, which no one but the hospitals and the server sees (LOGAN, Hayes et al. 2019).",
}

KINDS = {
    "dcgan": "A DCGAN conditioned on the class",
    "private-dcgan": "A DCGAN of whose images no more is given away than noisy counts of classes and noisy sums of "
    "clipped gradients of its critic",
}


def images_glossary(results: Results) -> dict[str, str]:
    """Word -> meaning. What an interval is follows from the seeds that were run."""
    return {**_WORDS, "Interval": _interval(results)}


def _interval(results: Results) -> str:
    seeds = [dataset_seeds(dataset) for dataset in results.datasets.values() if generators(dataset)]
    parts = []
    if any(count > 1 for count in seeds):
        parts.append(
            "over seeds, Student’s t; each seed has generators and classifiers of its own. Gaps are paired: seed by "
            "seed over the seeds that both have, then averaged"
        )
    if any(count == 1 for count in seeds):
        single = "where there is one seed" if parts else "of one seed"
        parts.append(
            f"{single}, over resamples of images, generators and classifiers staying as they are; gaps have none"
        )
    return f"95 %: {'; '.join(parts)}." if parts else "95 %, as recorded."


def image_arm_lines(results: Results) -> dict[str, str]:
    """Title -> one line for every arm that makes images, those that differ in epsilon alone together."""
    lines: dict[str, str] = {}
    for dataset in results.datasets.values():
        for purpose in PURPOSES:
            for arm in image_arms(dataset, purpose).values():
                known = KINDS.get(arm.images.kind if arm.images else "")
                where = (
                    "fitted across hospitals that pool no image" if arm.federated else "fitted on images in one place"
                )
                line = arm.description or (f"{known}, {where}." if known else "")
                if line:
                    lines.setdefault(family(arm), line)
    return lines
