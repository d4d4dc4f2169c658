"""Averages of correlated series with their errors, and distances between samples."""
