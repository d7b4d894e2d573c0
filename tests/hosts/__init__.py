"""Real Debian hosts for tests: built by mmdebstrap, booted by systemd-nspawn, thrown away.

The life of a host::

    capability.why_not()            can this machine do it at all? a reason in words, or None
    roots.obtain(recipe)            a cached root directory, built from the host's own mirror
    machine.Host(layers, ...)       an overlay over it, booted in about half a second
    host.run("dpkg", "-l")          a command inside, by entering the namespaces of its PID 1
    host.freeze()                   stop it and keep what it wrote as a layer for further hosts

Nothing here knows what is being tested. ``minion.Minion`` adds Salt from the virtual environment
that runs the tests, ``repository.Repository`` a local signed package repository.
"""
