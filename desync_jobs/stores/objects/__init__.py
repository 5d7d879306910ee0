"""Places of named objects behind remote stores, and the stores and indexes kept in them.

A driver (HTTP, S3, SFTP, fsspec) moves bytes under names in batches and obeys the policy of
its place; layout, forms and verification are one module over all of them.

For S3 that is obstore, called from threads. Objects of 64 KiB on two cores, 16 in flight: GET from
nginx 9800 a second with 141 µs of CPU each (s3fs 440 and 2290, without its parallel ranges 830 and
1210), from rclone 2900 to 3700 with 240 µs (s3fs 410 and 2410); PUT to rclone 980 to 1740 with
220 µs (s3fs 670 and 1320). Import 5 ms beside 270. So there is no s3fs to fall back on.

For Google Cloud Storage it is the session of gcsfs. A GET of the same objects from nginx, on a
machine with other work, took obstore 90 to 120 µs of CPU, gcsfs itself 210 to 390, and takes this
driver 510 to 620, since each object is handed from a thread to the event loop and back. obstore
speaks the XML API there: no emulator lists by that, and to write and to delete it wants a token of
Google's even where it is told to sign nothing, so that only its GET could be tested.

SFTP is asyncssh on one connection. The same objects on a machine with other work: PUT of new ones
530 a second with 1.2 ms of CPU each, GET 620 with 1.0 ms, sizes 5200 with 0.2 ms.

May import `codecs`, `core`, `manifest` and each driver's library, where it is used. Must not plan
or print.
"""
