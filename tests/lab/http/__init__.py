"""The emulated AWS over HTTP: the pure world behind moto's wire format.

``with LabServer(scenario) as lab: boto3.client(..., endpoint_url=lab.endpoint_url)``
"""

from tests.lab.http.server import LabServer

__all__ = ["LabServer"]
