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

  {%- for unit, drop_in in policy.timers.items() %}
unattended-upgrades-service-{{ names[unit] }}-timer-file-managed:
  file.managed:
    - name: {{ uu.systemd_dir }}/{{ unit }}.d/50-salt-unattended-upgrades.conf
    - contents: {{ drop_in | json }}
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: true
    - require:
      - sls: {{ tplroot }}.config.file
  {%- endfor %}

  {%- if booted %}
    {%- if policy.timers %}
unattended-upgrades-service-reload-module-run:
  module.run:
    - service.systemctl_reload: []
    - onchanges:
      {%- for unit in policy.timers %}
      - file: unattended-upgrades-service-{{ names[unit] }}-timer-file-managed
      {%- endfor %}
    {%- endif %}

    {%- for unit, name in names.items() %}
unattended-upgrades-service-{{ name }}-timer-service-running:
  service.running:
    - name: {{ unit }}
    - enable: true
    - require:
      - sls: {{ tplroot }}.config.file
      {%- if policy.timers %}
    - watch:
      - module: unattended-upgrades-service-reload-module-run
      - file: unattended-upgrades-service-{{ name }}-timer-file-managed
      {%- endif %}
    {%- endfor %}
  {%- endif %}
{%- endif %}
