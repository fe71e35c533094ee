"""The walk over every route by everybody: its office, its expectations, and how a cell is asked."""
