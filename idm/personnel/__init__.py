"""The working life as pure rules: what files say, what it changes, and which rights follow from it."""
