"""Executors, one file each: run requests in, results out as they come. See registry.EXECUTORS."""
