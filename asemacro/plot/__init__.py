"""Figures as functions of data and an Axes."""
