{%- set tplroot = tpldir.split("/")[0] %}
{%- from tplroot ~ "/map.jinja" import policy, uu with context %}

include:
{%- if policy.errors %}
  - {{ tplroot }}.invalid
{%- else %}
  - {{ tplroot }}.config.file

  {%- if policy.snapshot %}
unattended-upgrades-config-snapshot-file-managed:
  file.managed:
    - names:
      - /usr/local/lib/asgcycle/salt_snapshot.py:
          - source: salt://{{ tplroot }}/files/salt_snapshot.py
      - /etc/asgcycle/snapshot.json:
          - contents: {{ policy.snapshot.config | json }}
      - /etc/apt/sources.list.d/salt-snapshot.list:
          - contents: {{ policy.snapshot.sources | json }}
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: true
    - require:
      - sls: {{ tplroot }}.config.file

{#- Afterwards apt's own daily jobs begin with it; here only when something is new. It ends with an
    error when the day is not there; what is followed instead is told by status. #}
unattended-upgrades-config-snapshot-cmd-run:
  cmd.run:
    - name: >-
        /usr/bin/python3 /usr/local/lib/asgcycle/salt_snapshot.py
        || test -e /etc/asgcycle/snapshot/0.mirror
    {%- if salt["file.file_exists"]("/etc/asgcycle/snapshot/0.mirror") %}
    - onchanges:
    {%- else %}
    - require:
    {%- endif %}
      - file: unattended-upgrades-config-snapshot-file-managed

unattended-upgrades-config-snapshot-module-run:
  module.run:
    - pkg.refresh_db: []
    - onchanges:
      - cmd: unattended-upgrades-config-snapshot-cmd-run
  {%- else %}
unattended-upgrades-config-snapshot-file-absent:
  file.absent:
    - names:
      - /etc/apt/sources.list.d/salt-snapshot.list
      - /etc/asgcycle/snapshot
      - /etc/asgcycle/snapshot.json
      - /var/lib/unattended-upgrades/salt-snapshot.json
      - /usr/local/lib/asgcycle/salt_snapshot.py
    - require:
      - sls: {{ tplroot }}.config.file
  {%- endif %}
{%- endif %}
