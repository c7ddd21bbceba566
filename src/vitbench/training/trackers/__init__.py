"""Trackers, one file each: they log runs. Their names are in registry.TRACKERS."""
