"""Patched, in one definition: what is pending, what is excluded and why, what is in force.

Run on the host by the system's own Python, which has python-apt: ``python3 /…/patched`` prints
the answer as JSON. The parts that need no python-apt are imported by Salt's modules as well, and
the readiness agent has the same files beside it. Standard library only, Python 3.7 and newer.

*Pending*: what unattended-upgrade would install now. *Excluded*: newer, but not installed by the
policy, with the reason. *In force*: installed, and nothing runs what it has replaced. *Unknown*
is a third answer, with what is unknown and why; it never means none.
"""

#: In apt's configuration: patterns of origins that carry security updates beside the release's own.
SECURITY_KEY = "Salt-Unattended-Upgrades::Security-Origins"
