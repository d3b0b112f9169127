"""Experiments on hospitals that are apart: the coordinator holds no row, and knows what hospitals publish or sum up."""
