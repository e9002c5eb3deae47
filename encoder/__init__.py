"""Text to vector, in both languages: the one encode that triage, filter and matching share."""
