"""Personnel files that come by themselves."""
