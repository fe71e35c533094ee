"""Who has what: accounts, rights and their ends, as decisions and the calendar make them (FK 6-2(2))."""
