"""From what a manifest says is kept of a tree to the feature flags of its archive."""

from desync_jobs.core.chunk import DigestAlgorithm
from desync_jobs.formats.catar.features import select_features
from desync_jobs.formats.flags import FeatureFlags
from desync_jobs.manifest.kept import KeptSpec


def kept_features(spec: KeptSpec) -> FeatureFlags:
    """Return the flags of an archive of casync's: what it keeps, and how it is made."""
    made = FeatureFlags(0)
    for asked, flag in (
        (spec.exclude_file, FeatureFlags.EXCLUDE_FILE),
        (spec.exclude_nodump, FeatureFlags.EXCLUDE_NODUMP),
        (spec.one_file_system, FeatureFlags.EXCLUDE_SUBMOUNTS),
        (spec.digest is DigestAlgorithm.SHA512_256, FeatureFlags.SHA512_256),
    ):
        if asked:
            made |= flag
    return select_features(spec.with_features, spec.without_features, made)
