"""The emulated AWS over real HTTP, with real boto3 clients."""
