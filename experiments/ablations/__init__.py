"""What buys quality: short equal runs that differ in one thing each, measured on validation clips."""
