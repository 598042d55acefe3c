"""NTC's part of a coded file: latents, unit by unit, under its prior in integers."""
