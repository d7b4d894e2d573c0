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
      - {{ uu.needrestart_dir }}/{{ uu.fragment }}.conf
      - {{ uu.plugin_dir }}/salt_last_run.py
      - /var/lib/unattended-upgrades/salt-last-run.json
    - require:
      - sls: {{ tplroot }}.service.clean
{%- endif %}
