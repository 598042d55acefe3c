"""The paper's tables 1 to 3 and figure 2 (arXiv 2512.24547), trained, measured and written beside its numbers."""
