"""Several reviewers of one review: rules, votes, consensus, agreement and merging."""
