"""Reports of studies that are made of several experiments and studies."""
