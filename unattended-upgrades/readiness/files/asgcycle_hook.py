"""The launch lifecycle hook. A part of asgcycle-ready, managed by Salt."""

import datetime
import hashlib
import hmac
import json
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from asgcycle_host import NETWORK_ERRORS, Unknown

HOOK_SECONDS = 300  # how long completing is tried: an answer "too early" ends within seconds
AWS_SECONDS = 20
CREDENTIALS = ("AccessKeyId", "SecretAccessKey", "Token")
TOO_EARLY = "No active Lifecycle Action"
API_VERSION = "2011-01-01"
SKIP_TAG = "asgcycle:skip"  # of the group: `salt-run asgcycle.hook` writes it
ASK_SECONDS = 30  # between two looks at the tag: many instances may wait
SKIPPABLE = ("security-updates", "reboot")
SKIP_SECONDS = 24 * 3600 + 300  # an end further away was not written by it, give or take a clock


class Hook:
    """The hook of ready.json; ``tell`` takes a line for the master.

    The three calls are signed here, so that neither boto3 nor the AWS command line is needed.
    """

    def __init__(self, settings, imds, tell, clock=time.monotonic, sleep=time.sleep):
        self.settings = settings
        self.imds = imds
        self.tell = tell
        self.clock = clock
        self.sleep = sleep
        self.over = threading.Event()
        self.told = set()
        self.tags, self.next_ask = "", clock()

    def __enter__(self):
        """Send heartbeats until the end of the block."""
        threading.Thread(target=self._heartbeats, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.over.set()

    def _heartbeats(self):
        """Keep the hook waiting; the agent's own timeout, not the hook's, ends the waiting."""
        told = None
        while True:
            try:
                self.act("RecordLifecycleActionHeartbeat")
            except Unknown as exc:
                why = str(exc)
                if TOO_EARLY not in why and why != told:  # the journal is lost with the instance
                    self.tell("hook {}: {}".format(self.settings["name"], why))
                told = why
            if self.over.wait(self.settings["heartbeat"]):
                return

    def complete(self):
        """Let the group go on; return the exit code."""
        name = self.settings["name"]
        end, pause = self.clock() + HOOK_SECONDS, 1
        while True:
            try:
                # Terminated: on its way out. None: not in a group, or not known yet.
                if self.imds.get("meta-data/autoscaling/target-lifecycle-state") == "Terminated":
                    return 0
                self.act("CompleteLifecycleAction", LifecycleActionResult="CONTINUE")
                self.tell(f"hook {name} completed")
                return 0
            except Unknown as exc:
                why = str(exc)
            if TOO_EARLY not in why:
                self.tell(f"hook {name}: {why}")
            if self.clock() >= end:
                if TOO_EARLY not in why:
                    return 1
                # This instance has been in service since an earlier boot.
                self.tell(f"hook {name}: nothing waits for it")
                return 0
            self.sleep(pause)
            pause = min(2 * pause, 30)

    def lets_skip(self, check, why):
        """Whether a person lets this group do without a check now; what is said is told once."""
        said = by = ""
        try:
            by = check in SKIPPABLE and self._skip(check)
            said = by and f"skipped by {by}: {check}: {why}"
        except Unknown as exc:
            said = f"nothing is skipped: {exc}"
        if said and said not in self.told:
            self.told.add(said)
            self.tell(said)
        return bool(by)

    def _skip(self, check):
        """Who has said so in the group's tag, empty when nobody has or it is over."""
        if self.clock() >= self.next_ask:
            self.tags, self.next_ask = "", self.clock() + ASK_SECONDS
            self.tags = self.call("DescribeTags", **{
                "Filters.member.1.Name": "auto-scaling-group",
                "Filters.member.1.Values.member.1": self.settings["group"],
                "Filters.member.2.Name": "key",
                "Filters.member.2.Values.member.1": SKIP_TAG,
            })  # fmt: skip
        found = re.search("<Value>([^<]*)<", self.tags)
        if not found:
            return ""
        try:
            words = dict(word.split("=", 1) for word in found.group(1).split())
            left, checks = float(words["until"]) - time.time(), words["checks"].split("+")
            if left > SKIP_SECONDS:
                raise ValueError
            return words["by"] if left > 0 and check in checks else ""
        except (KeyError, ValueError):
            raise Unknown(f"the tag {SKIP_TAG} cannot be read: {found.group(1)}")

    def act(self, action, **parameters):
        """Make a call about this instance's wait."""
        return self.call(
            action,
            AutoScalingGroupName=self.settings["group"],
            LifecycleHookName=self.settings["name"],
            InstanceId=self.imds.instance_id(),
            **parameters,
        )

    def call(self, action, **parameters):
        """Make a call, return the answer; raises Unknown with the service's own words."""
        settings = self.settings
        region = settings.get("region") or self.imds.need("meta-data/placement/region", "region")
        body = urllib.parse.urlencode(dict(parameters, Action=action, Version=API_VERSION))
        url = settings.get("endpoint_url") or "https://autoscaling.{}.{}".format(
            region, self.imds.get("meta-data/services/domain") or "amazonaws.com")  # fmt: skip
        now = datetime.datetime.now(datetime.timezone.utc)
        headers = signed(url, body, region, credentials(self.imds), now)
        request = urllib.request.Request(url, body.encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=AWS_SECONDS) as answer:
                return answer.read().decode("utf-8", "replace")
        except urllib.error.HTTPError as exc:
            text = exc.read().decode("utf-8", "replace")
            words = re.findall(r"<(?:Code|Message)>([^<]*)<", text) or [str(exc)]
            raise Unknown("{}: {}".format(action, ": ".join(words)))
        except NETWORK_ERRORS as exc:
            raise Unknown(f"{action}: {exc}")


def credentials(imds):
    """The keys of the instance's role."""
    folder = "meta-data/iam/security-credentials/"
    role = imds.need(folder, "IAM role: the instance needs an instance profile").split()[0]
    found = imds.need(folder + role, "credentials of " + role)
    try:
        return {name: json.loads(found)[name] for name in CREDENTIALS}
    except (ValueError, KeyError):
        raise Unknown(f"the metadata service's credentials of {role} lack something")


def signed(url, body, region, credentials, now):
    """Headers of a form request to Auto Scaling, AWS Signature Version 4.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """

    def digest(key, text):
        return hmac.new(key, text.encode(), hashlib.sha256).digest()

    parts = urllib.parse.urlsplit(url)
    headers = {
        "content-type": "application/x-www-form-urlencoded; charset=utf-8",
        "host": parts.netloc,
        "x-amz-date": now.strftime("%Y%m%dT%H%M%SZ"),
        "x-amz-security-token": credentials["Token"],
    }
    names = ";".join(headers)
    canonical = ["POST", parts.path or "/", ""]
    canonical += [f"{name}:{value}" for name, value in headers.items()]
    canonical += ["", names, hashlib.sha256(body.encode()).hexdigest()]
    scope = [now.strftime("%Y%m%d"), region, "autoscaling", "aws4_request"]
    request = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
    to_sign = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], "/".join(scope), request])
    key = ("AWS4" + credentials["SecretAccessKey"]).encode()
    for part in scope:
        key = digest(key, part)
    return dict(headers, authorization=(
        "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={}".format(
            credentials["AccessKeyId"], "/".join(scope), names, digest(key, to_sign).hex()
        )))  # fmt: skip
