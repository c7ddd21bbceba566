"""Pictures: arrays in, PNG out. Nothing else imports matplotlib."""

from vitbench.figures.settings import import_matplotlib

import_matplotlib()  # before any file of this folder does
