"""Servers that give chunks and indexes to others: over HTTP, and over a pair of pipes.

May import `stores` and what is below it, and aiohttp where HTTP is spoken. A server is handed
a live source and decides nothing about it. What leaves here was verified by the store it
came from; what comes in is verified before it is stored. Must not print or exit.
"""
