"""What to run: frozen pydantic models, presets and study files. Never imports torch."""
