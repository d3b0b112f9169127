"""Synthesizers of images by name. Imports nothing heavy."""

from __future__ import annotations

IMAGE_SYNTHESIZERS: dict[str, tuple[str, str]] = {
    "dcgan": ("tff_health.synthesis.images.dcgan:Dcgan", "federated DCGAN (arXiv 1511.06434)"),
    "private-dcgan": (
        "tff_health.synthesis.images.private_dcgan:PrivateDcgan",
        "DCGAN's generator against a critic with a patient-level guarantee",
    ),
}
