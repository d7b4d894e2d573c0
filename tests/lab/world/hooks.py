"""Lifecycle hooks: waits, answers, heartbeats, timeouts."""

from __future__ import annotations

from . import causes
from .core import Core, mutation
from .errors import validation
from .model import RETAINED, Group, Hook, Instance, PendingAction

LAUNCHING = "autoscaling:EC2_INSTANCE_LAUNCHING"
TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"
ABANDONED = "The termination lifecycle action was abandoned: the instance is retained."
RESULTS = ("CONTINUE", "ABANDON")
# Seconds that HeartbeatTimeout may be (API reference of PutLifecycleHook).
SHORTEST, LONGEST = 30, 7200


class Hooks(Core):
    """Waiting states of instances."""

    def start_hooks(self, instance: Instance, transition: str) -> bool:
        """Begin the action of every hook on ``transition``; say whether there is one."""
        group = self.groups[instance.group]
        for hook in group.hooks.values():
            if hook.transition != transition:
                continue
            action = PendingAction(
                hook,
                self.new_uuid(),
                self.now + hook.heartbeat_timeout,
                self.now + hook.global_timeout,
            )
            instance.actions[hook.name] = action
            self.clock.at(action.deadline, self._timed_out, instance, action)
            if hook.completes_after is not None:
                self.clock.after(
                    hook.completes_after, self._answered, instance, action, hook.result
                )
        return bool(instance.actions)

    def _answered(self, instance: Instance, action: PendingAction, result: str) -> None:
        if instance.actions.get(action.hook.name) is not action:
            return
        hook = action.hook
        agent = hook.transition == LAUNCHING and result == "CONTINUE" and hook.knows_application
        if agent and not instance.answers:
            action.ripe = True
        else:
            self._complete(instance, action, result, "aws")

    def application_began(self, instance: Instance) -> None:
        """Let the agent complete what only waited for the application to answer."""
        for action in list(instance.actions.values()):
            if action.ripe and instance.actions.get(action.hook.name) is action:
                self._complete(instance, action, "CONTINUE", "aws")

    def _timed_out(self, instance: Instance, action: PendingAction) -> None:
        if instance.actions.get(action.hook.name) is not action:
            return
        if action.deadline > self.now:  # a heartbeat moved it
            self.clock.at(action.deadline, self._timed_out, instance, action)
            return
        self._complete(instance, action, action.hook.default_result, "aws")

    def _complete(self, instance: Instance, action: PendingAction, result: str, actor: str) -> None:
        if result == "ABANDON":
            instance.actions.clear()
        else:
            instance.actions.pop(action.hook.name)
        if instance.actions:
            return
        if instance.lifecycle == "Terminating:Wait":
            if result == "ABANDON" and self.groups[instance.group].retains:
                self.move(instance, RETAINED)
                self.end_activity(instance.activity, "Cancelled", ABANDONED)
                self.settle_up(instance)
            else:
                self.terminate_hooks_done(instance)
        elif instance.lifecycle == "Pending:Wait" and result == "CONTINUE":
            self.launch_hooks_done(instance)
        elif instance.lifecycle == "Pending:Wait":
            self.end_activity(
                instance.activity,
                "Cancelled",
                f"Instance failed to complete user's Lifecycle Action: Lifecycle Action with token "
                f"{action.token} was abandoned: Lifecycle Action Completed with ABANDON Result",
            )
            cause = causes.taken_out(self.stamp(), "a launch failure")
            self.start_termination(instance, actor, "abandon", cause)

    @mutation
    def complete_lifecycle_action(
        self,
        group: str,
        hook: str,
        result: str,
        instance_id: str | None = None,
        token: str | None = None,
        actor: str = "caller",
    ) -> None:
        """CompleteLifecycleAction, by instance or by token."""
        if result not in RESULTS:
            raise validation(f"The lifecycle action result must be one of {list(RESULTS)}")
        instance, action = self._find_action(self.group(group), hook, instance_id, token)
        self._complete(instance, action, result, actor)

    @mutation
    def record_lifecycle_action_heartbeat(
        self, group: str, hook: str, instance_id: str | None = None, token: str | None = None
    ) -> None:
        """RecordLifecycleActionHeartbeat: the wait starts anew, up to the global timeout."""
        _, action = self._find_action(self.group(group), hook, instance_id, token)
        action.deadline = min(self.now + action.hook.heartbeat_timeout, action.limit)

    def _find_action(
        self, group: Group, hook: str, instance_id: str | None, token: str | None
    ) -> tuple[Instance, PendingAction]:
        if hook not in group.hooks:
            raise self.worded("HK-6", validation(f"Lifecycle Hook not found with name {hook}"))
        for instance in group.instances.values():
            action = instance.actions.get(hook)
            if action and (instance.id == instance_id or (token and action.token == token)):
                return instance, action
        if token and not instance_id:
            raise validation(f"No active Lifecycle Action found with token {token}")
        raise validation(f"No active Lifecycle Action found with instance ID {instance_id}")

    @mutation
    def put_lifecycle_hook(
        self, group: str, name: str, transition: str | None = None, **settings: object
    ) -> None:
        """PutLifecycleHook: create or change; settings are fields of ``Hook``."""
        found = self.group(group)
        timeout = settings.get("heartbeat_timeout", SHORTEST)
        if not SHORTEST <= timeout <= LONGEST:
            text = f"The heartbeat timeout must be between {SHORTEST} and {LONGEST} seconds"
            raise self.worded("HK-9", validation(text))
        old = found.hooks.get(name)
        if old is None:
            if transition not in (LAUNCHING, TERMINATING):
                raise validation(f"Invalid Lifecycle Transition {transition}")
            found.hooks[name] = Hook(name, transition, **settings)
            return
        for key, value in settings.items():
            setattr(old, key, value)

    @mutation
    def delete_lifecycle_hook(self, group: str, name: str) -> None:
        """DeleteLifecycleHook: outstanding actions are completed with ABANDON or CONTINUE."""
        found = self.group(group)
        hook = found.hooks.pop(name, None)
        if hook is None:
            raise self.worded("HK-6", validation(f"Lifecycle Hook not found with name {name}"))
        # "any outstanding lifecycle actions are completed first (ABANDON for launching
        # instances, CONTINUE for terminating instances)": API reference of DeleteLifecycleHook
        result = "ABANDON" if hook.transition == LAUNCHING else "CONTINUE"
        for instance in list(found.instances.values()):
            action = instance.actions.get(name)
            if action is not None:
                self._complete(instance, action, result, "aws")
