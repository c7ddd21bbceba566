"""Analyses of a checkpoint or a study as figures: attention/ and comparison/ meet figures/ here."""
