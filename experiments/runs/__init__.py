"""Runs behind a page of results: what is there, training what is missing, measuring what is complete."""
