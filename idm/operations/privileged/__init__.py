"""Privileged IDs: their register, their uses, the passwords we keep, and who stands in (FK 6-2(3), 6-2(10))."""
