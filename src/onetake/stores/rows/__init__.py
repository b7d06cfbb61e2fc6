"""Stores of rows: one module a store, and the two that lie in front of another: layered and encrypted."""
