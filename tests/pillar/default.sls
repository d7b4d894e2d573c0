# Nothing set: what the formula does by itself.
unattended_upgrades: {}
