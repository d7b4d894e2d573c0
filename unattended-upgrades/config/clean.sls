{%- set tplroot = tpldir.split("/")[0] %}
{%- from tplroot ~ "/map.jinja" import policy, uu with context %}

include:
{%- if policy.errors %}
  - {{ tplroot }}.invalid
{%- else %}
  - {{ tplroot }}.service.clean

unattended-upgrades-config-clean-file-absent:
  file.absent:
    - names:
      - {{ uu.confd_dir }}/{{ uu.fragment }}
      - {{ uu.confd_dir }}/{{ uu.fragment }}-proxy
      {#- First what names the file behind it. #}
      - {{ uu.dpkg_cfg_dir }}/{{ uu.fragment }}
      - {{ uu.lib_dir }}
      {%- for unit in ["apt-daily-upgrade.service", "unattended-upgrades.service"] %}
      - {{ uu.systemd_dir }}/{{ unit }}.d/50-salt-unattended-upgrades.conf
      {%- endfor %}
      - /etc/unattended-upgrades/apt.conf
      - {{ uu.needrestart_dir }}/{{ uu.fragment }}.conf
      - {{ uu.plugin_dir }}/salt_last_run.py
      - /var/lib/unattended-upgrades/salt-last-run.json
      - /var/lib/unattended-upgrades/salt-snapshot.json
      - /etc/apt/sources.list.d/salt-snapshot.list
      - /etc/asgcycle/snapshot
      - /etc/asgcycle/snapshot.json
      - /usr/local/lib/asgcycle/salt_snapshot.py
    - require:
      - sls: {{ tplroot }}.service.clean

  {%- if salt["file.directory_exists"]("/run/systemd/system") %}
unattended-upgrades-config-clean-module-run:
  module.run:
    - service.systemctl_reload: []
    - onchanges:
      - file: unattended-upgrades-config-clean-file-absent
  {%- endif %}
{%- endif %}
