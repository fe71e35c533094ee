"""Information systems on their way in: examined, inventoried, adopted, enforced (controls A18, D10)."""
