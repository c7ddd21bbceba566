"""Values that options take, where they are no registry: known without importing anything."""

DEVICES = ("auto", "cpu", "cuda", "mps")
WANDB_MODES = ("auto", "online", "offline", "disabled")
PICTURE_FORMATS = ("png", "svg", "pdf")
DPI = 150
