"""Time of one DescribeAutoScalingGroups over HTTP against the emulated AWS, client included."""

from __future__ import annotations

import argparse
import statistics
import time

import boto3

from tests.lab.http import LabServer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=20, help="instances (default 20)")
    parser.add_argument("--runs", type=int, default=50, help="measured calls (default 50)")
    args = parser.parse_args()
    group = {"min": 0, "max": args.size, "desired": args.size, "zones": ["a", "b", "c"]}
    group["template"] = {"name": "web", "versions": [{"ImageId": "ami-00000000000000001"}]}
    with LabServer({"groups": {"web": group}}) as lab:
        client = boto3.client(
            "autoscaling",
            endpoint_url=lab.endpoint_url,
            region_name="eu-central-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )
        client.describe_auto_scaling_groups()
        seconds = []
        for _ in range(args.runs):
            start = time.perf_counter()
            client.describe_auto_scaling_groups()
            seconds.append(time.perf_counter() - start)
    low, middle, high = min(seconds), statistics.median(seconds), max(seconds)
    print(f"one describe of {args.size} instances over HTTP")
    print(f"  ms: min {low * 1e3:.1f}, median {middle * 1e3:.1f}, max {high * 1e3:.1f}")


if __name__ == "__main__":
    main()
