"""What would a good seller say? Prompts, engines, drafting, memory planning, house model."""
