"""Policy for unattended-upgrades: pure decisions about what a pillar means for apt.

Everything but :mod:`aptpolicy.system` is a function of (pillar, operating system, minion id), so
the same text can be rendered on a minion or, for user data, on the master.
"""
