"""What makes desync's command lines work here: its configuration, read and translated.

`config` reads the file, `places` says what it means for a place, in the keys of a manifest, and
`configured` puts that into the job that a command stands for.
"""
