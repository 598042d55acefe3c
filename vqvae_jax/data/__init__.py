"""Clips on disk, in memory and on their way to the device."""
