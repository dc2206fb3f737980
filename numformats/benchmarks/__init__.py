"""How fast arrays go through formats, beside copying them and beside other libraries."""
