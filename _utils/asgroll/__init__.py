"""
asgroll: replaces the instances of an EC2 Auto Scaling Group, the library behind ``asgcycle``.

Plain Python with plain imports: nothing in here uses Salt's dunder variables, so every part runs
in a test, in a benchmark and in a Salt runner alike. Arrows point downwards only::

    verbs  launch_verbs                           what each function of the runner does
    master  bus                                   the only ones that know Salt
    engine  lease                                 the loop; clock, sleep and gateway are injected
    preflight   inform   journal   stopping       before a roll, about it, and what it remembers
    publishing  launch_hook                       what a group launches from; its launch hook
    planner  book  steps  ordering  tracker       pure: no clock, no network, no Salt
    outcome  selection  gates  changes  marks  recovery  report  events  launch
    aws  awslaunch  awserrors  session            all calls to AWS
    model  actions  policy  values  errors        data and validation
"""
