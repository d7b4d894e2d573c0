"""`bin/verify-aws`: checks on a real account the rules of AWS on which this project is built.

The emulated AWS of the tests (`tests/lab`) is made of rules, many of them assumed. Whoever has an
account lets this package make one small group there, ask AWS what it really does, roll the group
once, and delete everything. docs/verify-aws.md is for the person who runs it.
"""
