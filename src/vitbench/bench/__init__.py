"""What `vitbench bench` measures: ours and others', in alternating rounds."""
