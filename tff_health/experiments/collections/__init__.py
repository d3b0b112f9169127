"""Studies that are made of several experiments and studies, such as a whole paper."""
