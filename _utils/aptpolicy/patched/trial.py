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
            why = self._trouble() if marked else "apt does not mark it for an upgrade"
            if why is None:
                fine.append(package)
                continue
            found[_key(package)] = why
            self.depcache.init()
            for one in fine:
                self._mark(one)
        return found

    def _mark(self, package):
        for version in package.version_list:
            if version.ver_str == self.wanted[_key(package)]:
                self.depcache.set_candidate_ver(package, version)
                break
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

    def _may_change(self, package):
        version = self.depcache.get_candidate_ver(package)
        asked = self.apt.described(package, [version], version)
        return self.policy.exclusion(asked) is None


def _key(package):
    return key({"name": package.name, "arch": package.architecture})
