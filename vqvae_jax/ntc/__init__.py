"""NTC: nonlinear transform coding of video, trained for rate and distortion together (Balle et al. 2020)."""
