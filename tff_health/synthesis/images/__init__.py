"""Ways to make generators of images from hospitals that keep theirs."""
