"""Barrier models of vacancy jumps."""
