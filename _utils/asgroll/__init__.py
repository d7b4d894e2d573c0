"""
asgroll: replaces the instances of an EC2 Auto Scaling Group, the library behind ``asgcycle``.

Plain Python with plain imports: nothing in here uses Salt's dunder variables, so every part runs
in a test, in a benchmark and in a Salt runner alike. Arrows point downwards only::

    engine ── journal, events, report
       │
    planner, ordering, tracker, outcome, selection, gates, changes, inform   (pure decisions)
       │                                       aws     (all calls to AWS)
    model, actions, policy, errors                     (data and validation)
"""
