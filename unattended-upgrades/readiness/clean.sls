{%- set tplroot = tpldir.split("/")[0] %}
{%- from tplroot ~ "/map.jinja" import policy, uu with context %}

{%- if policy.errors %}
include:
  - {{ tplroot }}.invalid
{%- else %}
  {%- set booted = salt["file.directory_exists"]("/run/systemd/system") %}
  {%- if booted %}
unattended-upgrades-readiness-clean-service-dead:
  service.dead:
    - name: asgcycle-ready.service
  {%- endif %}

unattended-upgrades-readiness-clean-file-absent:
  file.absent:
    - names:
      - {{ uu.systemd_dir }}/multi-user.target.wants/asgcycle-ready.service
      - {{ uu.systemd_dir }}/asgcycle-ready.service
      - /usr/local/sbin/asgcycle-ready
      - /usr/local/lib/asgcycle
      - /etc/asgcycle/ready.json
      - /run/asgcycle
  {%- if booted %}
    - require:
      - service: unattended-upgrades-readiness-clean-service-dead

unattended-upgrades-readiness-clean-module-run:
  module.run:
    - service.systemctl_reload: []
    - onchanges:
      - file: unattended-upgrades-readiness-clean-file-absent
  {%- endif %}
{%- endif %}
