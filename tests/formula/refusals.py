"""Runs inside a host: apply the formula with one pillar after another, in one process of Salt.

Standard input is a JSON list of pillars. For each of them standard output gets one JSON line: the
states of the run, and the exit code of apt's own reading of its configuration after it.
"""

import json
import subprocess
import sys

import salt.client


def main(formula):
    caller = salt.client.Caller("/etc/salt/minion")
    for pillar in json.load(sys.stdin):
        states = caller.cmd("state.apply", formula, pillar={"unattended_upgrades": pillar})
        read = subprocess.run(["apt-config", "dump"], stdout=subprocess.DEVNULL, check=False)
        print(json.dumps({"states": states, "apt_config": read.returncode}), flush=True)


main(*sys.argv[1:])
