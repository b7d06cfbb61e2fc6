"""Where recordings are kept. The unit is the interaction: append, never an unlocked read-modify-write."""
