"""Starters of real servers: each in a folder of its own, on free ports, gone with the test run."""
