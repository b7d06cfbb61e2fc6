"""The import surface of vcrpy (9.4), under its module names."""
