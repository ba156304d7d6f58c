"""What others studied: literature records, query, codebook, agreement, coverage."""
