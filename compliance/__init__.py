"""May it be said, and can we prove it? Screening of what comes in and of what would go out."""
