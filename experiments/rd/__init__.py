"""Rate-distortion: classical codecs and ours through real files, on the same clips and by the same metrics."""
