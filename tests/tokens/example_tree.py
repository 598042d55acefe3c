"""Small videos, and how they are made tokens."""

from tests.codec.example_bundle import moving

CHUNK = 8  # frames
SIZE = (32, 24)
CLIPS = {"Biking/long.npy": moving(21), "Biking/short.npy": moving(8, seed=3), "v_Surf_g01_c02.npy": moving(1, seed=5)}
