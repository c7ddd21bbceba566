"""The reference study, whose published numbers are shown beside vitbench's.

docs/reference.md explains how those numbers were made, and their limits.
"""

NAME = '"Vision Transformer (ViT) Analysis" (2025)'
URL = "https://github.com/shaoncvit/computer_vision"
COLUMN = "Reference study in %, one run"
CONCLUSIONS = "The reference study's conclusions"
INTRODUCTION = "The reference study is "
MEANING = (
    "Its accuracies are shown for comparison: one run each with its own model and recipe, at "
    "the epoch with the best test accuracy."
)


def reference_sentence() -> str:
    """A sentence about the reference study with its link, as plain text."""
    return f"{INTRODUCTION}{NAME}, {URL}. {MEANING}"
