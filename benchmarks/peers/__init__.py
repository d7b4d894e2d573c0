"""How long a roll takes: ours, models of other tools and the lower bound, on the same lab."""
