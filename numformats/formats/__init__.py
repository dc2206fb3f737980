"""Descriptions of number formats: immutable data, one small file for each family, and their names.

Adding a format is adding an entry to its family's file.
"""
