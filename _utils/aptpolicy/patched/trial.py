"""Whether what is to be installed can be: marked in apt's dependency cache, nothing is done."""

from .decide import Policy, key

NEVER = -32768  # the priority that the tool gives to what is not allowed


def kept_back(apt, facts, wanted):
    """``name:arch`` → why not, of those of ``wanted`` that cannot be installed.

    All at once first, which is the usual case; then one by one as unattended-upgrade does.
    """
    if not wanted:
        return {}
    trial = Trial(apt, facts, wanted)
    return {} if trial.whole() else trial.one_by_one()


class Trial:
    """Marks upgrades under the policy of unattended-upgrade."""

    def __init__(self, apt, facts, wanted):
        self.apt = apt
        self.wanted = wanted
        self.policy = Policy(facts)
        self.depcache = apt.module.DepCache(apt.cache)
        for entry, allowed in zip(apt.files, self.policy.allowed):
            if not allowed:
                self.depcache.policy.set_priority(entry, NEVER)
        self.packages = [package for package in apt.cache.packages
                         if package.current_ver and _key(package) in wanted]  # fmt: skip

    def whole(self):
        self.depcache.init()
        marked = [self._mark(package) for package in self.packages]
        return all(marked) and not self._trouble()

    def one_by_one(self):
        found, fine = {}, []
        self.depcache.init()
        for package in self.packages:
            marked = self._mark(package)
            why = self._trouble() if marked else self._unmet(package)
            if why is None:
                fine.append(package)
                continue
            found[_key(package)] = why
            self.depcache.init()
            for one in fine:
                self._mark(one)
        return found

    def _version(self, package):
        text = self.wanted[_key(package)]
        return next(one for one in package.version_list if one.ver_str == text)

    def _mark(self, package):
        self.depcache.set_candidate_ver(package, self._version(package))
        try:
            self.depcache.mark_install(package, True, True)
        except self.apt.module.Error:  # dependencies that contradict each other
            return False
        return self.depcache.marked_upgrade(package)

    def _trouble(self):
        """What the tool would not do of the marked changes, None when it would do them all."""
        depcache = self.depcache
        if depcache.broken_count:
            return "its dependencies cannot be met by what the policy allows"
        if depcache.inst_count <= len(self.packages) and not depcache.del_count:
            return None
        for package in self.apt.cache.packages:
            if depcache.marked_delete(package):
                return f"{package.name} would have to be removed"
            marked = depcache.marked_install(package) or depcache.marked_upgrade(package)
            if marked and _key(package) not in self.wanted and not self._may_change(package):
                return f"it needs {package.name}, which the policy does not install"
        return None

    def _unmet(self, package):
        """Which dependency keeps apt from marking a package."""
        depends = self._version(package).depends_list
        for group in depends.get("PreDepends", []) + depends.get("Depends", []):
            targets = [target for one in group for target in one.all_targets()]
            if not any(self._is_met(target) for target in targets):
                return f"it needs {group[0].target_pkg.name}, which the policy does not install"
        return "apt cannot upgrade it under this policy"

    def _is_met(self, target):
        current = target.parent_pkg.current_ver
        return (current and current.id == target.id) or self._allows(target.parent_pkg, target)

    def _may_change(self, package):
        return self._allows(package, self.depcache.get_candidate_ver(package))

    def _allows(self, package, version):
        asked = self.apt.described(package, [version], version)
        return self.policy.exclusion(asked) is None


def _key(package):
    return key({"name": package.name, "arch": package.architecture})
