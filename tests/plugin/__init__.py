"""Fake projects, run by pytest in a process of their own against the local provider."""
