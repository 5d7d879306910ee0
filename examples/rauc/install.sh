#!/bin/sh
# Fetch the bundle of release $1 and install it; run again, it goes on where it stopped.
set -eu
running=$(findmnt --noheadings --output SOURCE /)
desync-run run bundle.toml --var release="$1" --var running="$running"
rauc install /data/rauc/update.raucb
