"""Experiments on synthesizers: fitted across hospitals, sampled, and asked what the rows are worth and betray."""
