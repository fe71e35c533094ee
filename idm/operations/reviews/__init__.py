"""Access reviews (棚卸し): opened, answered, followed night by night, closed (MT 7-2(1)イ(エ), control A10)."""
