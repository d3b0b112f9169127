"""A federated DCGAN: class-conditional images by the shared GAN machinery (`learning.gan`).

Radford et al. 2016 (arXiv 1511.06434); hospitals train the discriminator, the server the generator, or both are
averaged. `process.build_dcgan_process` is the way in.
"""
