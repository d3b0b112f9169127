"""The report's figures: importing this registers them, in the order in which the report shows them."""

# isort: off
from tff_health.reporting.figures import hospitals
from tff_health.reporting.figures import shares
from tff_health.reporting.figures import distributions
from tff_health.reporting.figures import correlation
from tff_health.reporting.figures import pairs
from tff_health.reporting.figures import rounds
from tff_health.reporting.figures import arms
from tff_health.reporting.figures import roc
from tff_health.reporting.figures import reliability
from tff_health.reporting.figures import confusion
from tff_health.reporting.figures import fairness
from tff_health.reporting.figures import privacy_utility
from tff_health.reporting.figures import private_rounds
from tff_health.reporting.figures import membership
from tff_health.reporting.figures import audit
from tff_health.reporting.figures import synthesis_arms
from tff_health.reporting.figures import synthesis_epsilon
from tff_health.reporting.figures import synthesis_columns
from tff_health.reporting.figures import synthesis_correlation
from tff_health.reporting.figures import synthesis_losses
from tff_health.reporting.figures import synthesis_collapse
from tff_health.reporting.figures import synthesis_membership
from tff_health.reporting.figures import images_samples
from tff_health.reporting.figures import images_arms
from tff_health.reporting.figures import images_epsilon
from tff_health.reporting.figures import images_likeness
from tff_health.reporting.figures import images_training
from tff_health.reporting.figures import images_losses
from tff_health.reporting.figures import images_cleaning
from tff_health.reporting.figures import images_nearest
from tff_health.reporting.figures import images_membership

__all__ = [
    "arms",
    "audit",
    "confusion",
    "correlation",
    "distributions",
    "fairness",
    "hospitals",
    "images_arms",
    "images_cleaning",
    "images_epsilon",
    "images_likeness",
    "images_losses",
    "images_membership",
    "images_nearest",
    "images_samples",
    "images_training",
    "membership",
    "pairs",
    "privacy_utility",
    "private_rounds",
    "reliability",
    "roc",
    "rounds",
    "shares",
    "synthesis_arms",
    "synthesis_collapse",
    "synthesis_columns",
    "synthesis_correlation",
    "synthesis_epsilon",
    "synthesis_losses",
    "synthesis_membership",
]
