"""What does the customer want? Taxonomy, corpus, features, classifier, training, evaluation."""
