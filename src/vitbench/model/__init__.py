"""The Vision Transformer, its positions and attention kinds, and what it costs."""
