"""Places of named objects behind remote stores, and the stores and indexes kept in them.

A driver (HTTP, S3, SFTP, fsspec) moves bytes under names in batches and obeys the policy of
its place; layout, forms and verification are one module over all of them. May import `codecs`,
`core`, `manifest` and each driver's library, where it is used. Must not plan or print.
"""
