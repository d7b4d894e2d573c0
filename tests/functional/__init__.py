"""Tests over real interfaces: HTTP, processes, files."""
