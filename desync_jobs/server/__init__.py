"""Servers that give chunks, indexes and blobs to others: over HTTP, NBD and a pair of pipes.

May import `stores` and what is below it, and aiohttp where HTTP is spoken. A server is handed
a live source and decides nothing about it. What leaves here was verified by the store it
came from; what comes in is verified before it is stored. Must not print or exit.

Measured on 2 cores, wrk with one thread on the same two, files in memory. Alone on the machine one
process of `chunk-server` answered 12,800 requests a second for a chunk of 6 KB (10 connections,
79 µs of processor each; since then 66 µs, see `garbage`), aiohttp with a constant answer 21,400;
two processes 15,000, and of chunks of 61 KB 13,300 (780 MB/s, 64 connections): both cores were
spent then, with 93 µs a request for the server and 29 µs for wrk. Where others used the cores
too, two processes got four times what one got (13,000 and 3,200 a second). With few connections
their spread over processes is uneven (`SO_REUSEPORT`). Earlier, on a busy machine: `verify_reads`
5,000 and 2,300 for chunks of 7 and 62 KB, nginx with sendfile 49,400 and 26,000. desync was not
measured here.
"""
