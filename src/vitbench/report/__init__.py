"""Results in, tables and sentences out. Never imports torch."""
