"""People outside HR, their sponsors and their contracts (FK 6-3(2)⑪; control A11)."""
