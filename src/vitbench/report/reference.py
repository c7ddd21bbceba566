"""The study whose published numbers stand beside ours: a report says once what it is.

docs/reference.md says how those numbers were made, and what they cannot say.
"""

NAME = '"Vision Transformer (ViT) Analysis" (2025)'
URL = "https://github.com/shaoncvit/computer_vision"
COLUMN = "Reference study in %, one run"
CONCLUSIONS = "The reference study's conclusions"
INTRODUCTION = "The reference study is "
MEANING = (
    ": its accuracies stand beside ours, one run each of its own model and recipe, at the epoch "
    "that was best on its test set."
)


def reference_sentence() -> str:
    """What the reference study is, with its link, as plain text."""
    return f"{INTRODUCTION}{NAME}, {URL}{MEANING}"
