"""API priority and fairness: who waits when more is asked than can be done at once."""
