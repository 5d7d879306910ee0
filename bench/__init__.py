"""Timings of every command and server beside others'; never a test, never fails on a time."""
