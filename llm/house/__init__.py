"""The house model: a small bilingual language model trained from this repository alone."""
