"""Timings of every command beside casync and desync; never a test, never fails on a time."""
