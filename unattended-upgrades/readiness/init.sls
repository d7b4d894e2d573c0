{%- set tplroot = tpldir.split("/")[0] %}
{%- from tplroot ~ "/map.jinja" import policy, uu with context %}

{%- if policy.errors %}
include:
  - {{ tplroot }}.invalid
{%- else %}
  {%- set hook_modules = ["asgcycle_hook.py"] if (policy.readiness | load_json).hook else [] %}
unattended-upgrades-readiness-agent-file-managed:
  file.managed:
    - name: /usr/local/sbin/asgcycle-ready
    - source: salt://{{ tplroot }}/readiness/files/asgcycle-ready
    - user: root
    - group: root
    - mode: '0755'

{#- As in user data: the one for the launch hook only where there is a hook. #}
unattended-upgrades-readiness-modules-file-managed:
  file.managed:
    - names:
  {%- for name in ["asgcycle_host.py", "asgcycle_checks.py"] + hook_modules %}
      - /usr/local/lib/asgcycle/{{ name }}:
          - source: salt://{{ tplroot }}/readiness/files/{{ name }}
  {%- endfor %}
  {%- for name in policy.patched %}
      - /usr/local/lib/asgcycle/patched/{{ name }}:
          - source: salt://_utils/aptpolicy/patched/{{ name }}
  {%- endfor %}
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: true

unattended-upgrades-readiness-config-file-managed:
  file.managed:
    - name: /etc/asgcycle/ready.json
    - contents: {{ policy.readiness | json }}
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: true

unattended-upgrades-readiness-unit-file-managed:
  file.managed:
    - name: {{ uu.systemd_dir }}/asgcycle-ready.service
    - source: salt://{{ tplroot }}/readiness/files/asgcycle-ready.service
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: true

{#- What `systemctl enable` makes; like this it works in an image under construction too. #}
unattended-upgrades-readiness-enabled-file-symlink:
  file.symlink:
    - name: {{ uu.systemd_dir }}/multi-user.target.wants/asgcycle-ready.service
    - target: {{ uu.systemd_dir }}/asgcycle-ready.service
    - makedirs: true
    - require:
      - file: unattended-upgrades-readiness-agent-file-managed
      - file: unattended-upgrades-readiness-modules-file-managed
      - file: unattended-upgrades-readiness-config-file-managed
      - file: unattended-upgrades-readiness-unit-file-managed

  {%- if salt["file.directory_exists"]("/run/systemd/system") %}
unattended-upgrades-readiness-reload-module-run:
  module.run:
    - service.systemctl_reload: []
    - onchanges:
      - file: unattended-upgrades-readiness-unit-file-managed

unattended-upgrades-readiness-agent-service-running:
  service.running:
    - name: asgcycle-ready.service
    - require:
      - file: unattended-upgrades-readiness-enabled-file-symlink
    - watch:
      - module: unattended-upgrades-readiness-reload-module-run
      - file: unattended-upgrades-readiness-agent-file-managed
      - file: unattended-upgrades-readiness-modules-file-managed
      - file: unattended-upgrades-readiness-config-file-managed
      - file: unattended-upgrades-readiness-unit-file-managed
  {%- endif %}
{%- endif %}
