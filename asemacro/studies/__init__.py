"""Whole answers to whole questions: from a structure or a system to tables and figures."""
