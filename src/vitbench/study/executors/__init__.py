"""Executors, one file each: they train a plan's runs. Their names are in registry.EXECUTORS."""
