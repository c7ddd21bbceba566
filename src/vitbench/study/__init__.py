"""Variants times seeds: plan, execute, write results."""
