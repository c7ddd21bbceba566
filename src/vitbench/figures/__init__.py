"""Pictures: arrays in, PNG out. Nothing else imports matplotlib."""
