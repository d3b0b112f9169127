"""From encoded rows of a table to what a neural generator sees, and back.

`codec.TableCodec` is the fitted encoding (NumPy only); `fit.fit_codec` and `private_fit.fit_private_codec` fit it.
"""
