"""vitbench: which choice makes a small Vision Transformer better, by how much, and at what cost."""

__version__ = "0.1.0"
