"""Report formats, one file each: `render` takes a Report and returns text. See registry.FORMATS."""
