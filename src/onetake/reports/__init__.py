"""What happened, for people to read: one view model, and text for the terminal."""
