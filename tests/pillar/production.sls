# A fleet whose instances are replaced, not rebooted: security only, spread over four hours.
unattended_upgrades:
  origins:
    - security
  blacklist:
    - "postgresql-"
  hold:
    - base-files
  update_days: [Mon, Tue, Wed, Thu]
  extra_packages:
    - msmtp-mta
  mail:
    to: root
    report: on-change
  periodic:
    update_package_lists: 1
    unattended_upgrade: 1
    autoclean_interval: 7
  dpkg:
    conffile: keep
    lock_timeout: 60
  download:
    limit_kib: 4096
  timers:
    upgrade:
      at: ["02:00"]
      spread: 4h
  needrestart:
    mode: list
