"""moto's own tests, run against the lab, and transcripts of an AWS compared with it."""
