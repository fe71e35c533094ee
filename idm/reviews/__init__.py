"""Access reviews (棚卸し): who is asked, what is shown, the workbook and its seal. Pure."""
