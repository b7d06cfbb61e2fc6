"""What is replayed, recorded, refused: modes, slots and cursors, as decisions that perform nothing."""
