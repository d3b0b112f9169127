"""What experiments on synthesizers of tables and of images share: arms, plans, the ledger, guarantees, means."""
