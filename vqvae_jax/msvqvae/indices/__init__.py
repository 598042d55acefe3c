"""How indices become bits: what a code is likely to be, given those around it (docs/entropy.md)."""
