"""Trackers, one file each: they are told what happens in a run. See registry.TRACKERS."""
