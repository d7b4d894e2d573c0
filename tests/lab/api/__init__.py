"""The world's operations under AWS's own names: parameters in and answers out as boto3 has them.

Pure: dictionaries in, dictionaries out. ``OPERATIONS[service][operation]`` is the handler.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import autoscaling, balancing, cloudwatch, ec2, sts

Handler = Callable[[Any, dict[str, Any]], dict[str, Any]]
OPERATIONS: dict[str, dict[str, Handler]] = {
    "autoscaling": autoscaling.OPERATIONS,
    "ec2": ec2.OPERATIONS,
    "elbv2": balancing.V2,
    "elb": balancing.CLASSIC,
    "sts": sts.OPERATIONS,
    "cloudwatch": cloudwatch.OPERATIONS,
}
