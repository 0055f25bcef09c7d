"""What an exercise is made of, read from its folder: nothing here runs a check."""
