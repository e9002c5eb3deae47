"""Which approved words say it? Lifecycle, slots, embedding, index, matching, calibration."""
