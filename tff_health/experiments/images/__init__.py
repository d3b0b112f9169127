"""Experiments on generators of images: fitted across hospitals, sampled, measured and attacked."""
