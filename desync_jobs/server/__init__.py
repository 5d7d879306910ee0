"""Servers that give chunks, indexes and blobs to others: over HTTP, NBD and a pair of pipes.

May import `stores` and what is below it, and aiohttp where HTTP is spoken. A server is handed
a live source and decides nothing about it. What leaves here was verified by the store it
came from; what comes in is verified before it is stored. Must not print or exit.

Measured on 2 cores that others used too (load 5 to 12), wrk with 10 connections and one thread,
files in memory, chunks of 7 KB and of 62 KB: `chunk-server` 13,000 and 6,050 requests a second,
with `verify_reads` 5,000 and 2,300, nginx with sendfile 49,400 and 26,000. Two processes gave
12,000 and 6,070, no more than one: the cores were taken. desync was not measured here.
"""
