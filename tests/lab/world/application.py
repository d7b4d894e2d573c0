"""The application in each instance: whether it answers, apart from what its group believes.

The group sees InService once EC2 says ``running``; only load balancers, a launch hook's agent and
whoever asks the instance itself learn whether the application answers.
"""

from __future__ import annotations

from .core import Core
from .history import Application
from .model import Instance


class Applications(Core):
    """When applications begin and stop to answer."""

    def settle_application(self, instance: Instance) -> None:
        """Work out whether the application answers now; record a change and let it be noticed."""
        answers = (
            instance.state == "running"
            and instance.healthy_app
            and not instance.impaired
            and self.now >= instance.up_at
        )
        if answers == instance.answers:
            return
        instance.answers, instance.answers_since = answers, self.now
        group = instance.group or ""
        self.history.append(Application(self.now, group, instance.id, answers))
        self.follow_application(instance)
        if answers:
            self.application_began(instance)

    def set_application(self, instance: Instance, works: bool) -> None:
        """Break or mend the application in an instance."""
        if instance.healthy_app != works:
            self.touch(instance)
            instance.healthy_app = works
            self.settle_application(instance)
