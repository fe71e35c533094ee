"""Work by hand."""
