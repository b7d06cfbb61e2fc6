"""What stands behind the modules `vcr` and `pytest_recording` of this distribution: the way from vcrpy's
objects into onetake and back, and the pytest plugin that chooses whose marks, fixtures and options there are.
"""
