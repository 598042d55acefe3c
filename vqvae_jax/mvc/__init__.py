"""Model family MVC (Tang et al. 2023, arXiv 2303.04557): a scene is the weights of a network that is fitted to it."""
