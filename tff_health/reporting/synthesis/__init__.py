"""The report on synthetic patients: what they are worth, what privacy costs, and what an attacker learns."""
