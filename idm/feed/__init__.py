"""One personnel file, from bytes to frozen facts: decoding, headings, cells, rows. Nothing here decides anything."""
