"""moto's own tests, run against the lab: does the wire still speak as moto's does?"""
