{#- What reaches apt in unattended upgrades alone: whoever runs apt by hand does not see it. #}
{%- set tplroot = tpldir.split("/")[0] %}
{%- from tplroot ~ "/map.jinja" import policy, uu with context %}

{%- if policy.errors %}
include:
  - {{ tplroot }}.invalid
{%- else %}
include:
  - {{ tplroot }}.package.install

unattended-upgrades-config-upgrade-file-managed:
  file.managed:
    - name: /etc/unattended-upgrades/apt.conf
    - contents: {{ policy.upgrade_config | json }}
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: true
    - check_cmd: apt-config dump -c
    - require:
      - sls: {{ tplroot }}.package.install

unattended-upgrades-config-upgrade-services-file-managed:
  file.managed:
    - names:
  {%- for unit in ["apt-daily-upgrade.service", "unattended-upgrades.service"] %}
      - {{ uu.systemd_dir }}/{{ unit }}.d/50-salt-unattended-upgrades.conf
  {%- endfor %}
    - contents: {{ policy.upgrade_drop_in | json }}
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: true
    - require:
      - file: unattended-upgrades-config-upgrade-file-managed

  {%- if salt["file.directory_exists"]("/run/systemd/system") %}
unattended-upgrades-config-upgrade-module-run:
  module.run:
    - service.systemctl_reload: []
    - onchanges:
      - file: unattended-upgrades-config-upgrade-services-file-managed
  {%- endif %}
{%- endif %}
