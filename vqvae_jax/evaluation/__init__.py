"""A checkpoint and a clip set in; one JSON, CSV, plot, picture grid and HTML report out."""
