"""Anonymity of a table by its true definitions: k-anonymity, k-map, l-diversity, t-closeness. NumPy only.

They were defined for tables whose rows are patients. A synthetic row is nobody, so for a synthetic table they say how
coarse it looks, not how private its generator is: `evaluation.disclosure` and `privacy.generator_attacks` measure that.
"""
