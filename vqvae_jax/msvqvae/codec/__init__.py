"""The family's side of bundles and files: weights and tables in a bundle, indices in a file, frames from both."""
