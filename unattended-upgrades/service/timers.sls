{%- set tplroot = tpldir.split("/")[0] %}
{%- from tplroot ~ "/map.jinja" import policy, uu with context %}

{%- if policy.errors %}
include:
  - {{ tplroot }}.invalid
{%- else %}
include:
  - {{ tplroot }}.config.file

  {#- In a chroot or an image under construction there is no systemd to talk to. #}
  {%- set booted = salt["file.directory_exists"]("/run/systemd/system") %}
  {%- set names = {"apt-daily.timer": "download", "apt-daily-upgrade.timer": "upgrade"} %}

  {%- for unit, name in names.items() %}
    {%- if unit in policy.timers %}
unattended-upgrades-service-{{ name }}-timer-file-managed:
  file.managed:
    - name: {{ uu.systemd_dir }}/{{ unit }}.d/50-salt-unattended-upgrades.conf
    - contents: {{ policy.timers[unit] | json }}
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: true
    {%- else %}
unattended-upgrades-service-{{ name }}-timer-file-absent:
  file.absent:
    - name: {{ uu.systemd_dir }}/{{ unit }}.d/50-salt-unattended-upgrades.conf
    {%- endif %}
    - require:
      - sls: {{ tplroot }}.config.file
  {%- endfor %}

unattended-upgrades-service-upgrade-service-file-{{ "managed" if policy.fetch_first else "absent" }}:
  {%- if policy.fetch_first %}
  file.managed:
    - name: {{ uu.systemd_dir }}/apt-daily-upgrade.service.d/50-salt-unattended-upgrades.conf
    - contents: {{ policy.fetch_first | json }}
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: true
  {%- else %}
  file.absent:
    - name: {{ uu.systemd_dir }}/apt-daily-upgrade.service.d/50-salt-unattended-upgrades.conf
  {%- endif %}
    - require:
      - sls: {{ tplroot }}.config.file

  {%- if booted %}
    {%- set how = "managed" if policy.timers else "absent" %}
    {%- set service = "managed" if policy.fetch_first else "absent" %}
unattended-upgrades-service-reload-module-run:
  module.run:
    - service.systemctl_reload: []
    - onchanges:
      {%- for name in names.values() %}
      - file: unattended-upgrades-service-{{ name }}-timer-file-{{ how }}
      {%- endfor %}
      - file: unattended-upgrades-service-upgrade-service-file-{{ service }}

    {%- for unit, name in names.items() %}
unattended-upgrades-service-{{ name }}-timer-service-running:
  service.running:
    - name: {{ unit }}
    - enable: true
    - require:
      - sls: {{ tplroot }}.config.file
    - watch:
      - module: unattended-upgrades-service-reload-module-run
      - file: unattended-upgrades-service-{{ name }}-timer-file-{{ how }}
    {%- endfor %}
  {%- endif %}
{%- endif %}
