"""From user data to an instance that is ready: real systems, a real archive, a real master."""
