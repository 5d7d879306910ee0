"""HTTP over libcurl: a client for batches of requests, and the place of objects that it serves.

libcurl through pycurl, a multi handle lent to each batch, since it costs the least: 2000
GETs of 64 KiB from nginx on one machine of two cores came at 1465 MB/s and 45 µs of CPU each with
16 in flight; obstore from 8 threads 1429 and 62 µs, pycurl's easy handles from 8 threads 887 and
103, aiohttp 531 and 123, http.client from 8 threads 334 and 187. It also has client certificates,
own authorities, proxies, netrc, and redirects that drop credentials. One thread of ours asks for
20,000 objects of 26 KB a second (48 µs of CPU each); four ask for 11,000, since each of libcurl's
calls gives the GIL up and takes it again: more requests in flight serve better than more threads.

Over a round trip of 20 ms, 5524 chunks of 28 KB took two threads 9.3 s with 16 in flight, 5.6 with
32, and 4.3 with 64, which was as fast as that busy machine went without any delay: hence the
default of 64. Threads that wait beside those that decode keep as many in flight: 8415 chunks took
four threads 4.1 s, two 5.3.

May import `policy`, `objects.base`, `errors` and pycurl, where it is used. Must not know chunks.
"""
