"""Synthesizers by name. Imports nothing heavy."""

from __future__ import annotations

SYNTHESIZERS: dict[str, tuple[str, str]] = {
    "ctgan": ("tff_health.synthesis.ctgan:Ctgan", "federated conditional GAN for tables (arXiv 1907.00503)"),
    "dp-ctgan": ("tff_health.synthesis.private_ctgan:PrivateCtgan", "CTGAN with a patient-level privacy guarantee"),
    "independent-marginals": (
        "tff_health.synthesis.marginals.independent_marginals:IndependentMarginals",
        "every column by itself: what any generator must beat",
    ),
    "label-histograms": (
        "tff_health.synthesis.marginals.label_histograms:LabelHistograms",
        "histograms of every column by label, from one sum",
    ),
    "label-effects": (
        "tff_health.synthesis.marginals.label_effects:LabelEffects",
        "every column's marginal and how it leans to either label, from two noisy sums",
    ),
    "marginal-tree": (
        "tff_health.synthesis.marginals.marginal_tree:MarginalTree",
        "a tree of two-way marginals, chosen and measured privately",
    ),
}
