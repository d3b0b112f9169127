"""Studies: one experiment over datasets, seeds and swept settings, as many runs that end in one report."""
