# A host that nobody replaces: it takes ordinary updates too and reboots by itself at night.
unattended_upgrades:
  origins:
    - security
    - updates
    - vendor
  third_party:
    vendor:
      origin: Vendor Inc
  remove_unused_dependencies: true
  reboot:
    policy: when_needed
    time: "03:30"
    spread: 60m
    with_users: false
  timers:
    upgrade:
      at: ["01:00"]
      days: [Sat, Sun]
      spread: 30m
