"""``python3 /…/patched``: what is pending and excluded, as JSON. Ends with 0 when it could say."""

import json
import os
import sys

# Beside everything else, not before it: the folder's other modules have common names.
sys.path[0:1] = []
sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from patched import decide, reading, support, trial  # noqa: E402


def main():
    facts, apt = reading.facts()
    answer = decide.decide(facts)
    kept_back = trial.kept_back(apt, facts, decide.wanted(answer)) if apt else {}
    answer = decide.decide(facts, kept_back)
    system = decide.origins.System(*facts["system"])
    answer["support"] = support.of(system, reading.support_table(system), answer["repositories"])
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
