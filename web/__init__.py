"""The web interface: HTTP into operations, refusals into pages. It never opens a directory."""
