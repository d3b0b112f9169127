"""Privacy: accounting, membership inference and auditing."""
