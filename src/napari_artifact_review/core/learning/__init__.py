"""Learning from verdicts: how many wrong labels are left, and when to stop."""
