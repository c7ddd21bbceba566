"""The Vision Transformer, its positions and attention kinds, and what it costs.

May import config, registry and the modules below them; not data or training.
"""
