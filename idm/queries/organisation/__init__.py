"""People, units, officers and who may see whom, read."""
