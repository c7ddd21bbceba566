"""Data sets in memory, their split, their batches and their augmentation."""
