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
  {%- set services = {"apt-daily.service": "download", "apt-daily-upgrade.service": "upgrade"} %}

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

  {%- for unit, name in services.items() %}
    {%- if unit in policy.services %}
unattended-upgrades-service-{{ name }}-service-file-managed:
  file.managed:
    - name: {{ uu.systemd_dir }}/{{ unit }}.d/60-salt-fetch.conf
    - contents: {{ policy.services[unit] | json }}
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: true
    {%- else %}
unattended-upgrades-service-{{ name }}-service-file-absent:
  file.absent:
    - name: {{ uu.systemd_dir }}/{{ unit }}.d/60-salt-fetch.conf
    {%- endif %}
    - require:
      - sls: {{ tplroot }}.config.file
  {%- endfor %}

  {%- if booted %}
    {%- set how = "managed" if policy.timers else "absent" %}
unattended-upgrades-service-reload-module-run:
  module.run:
    - service.systemctl_reload: []
    - onchanges:
      {%- for name in names.values() %}
      - file: unattended-upgrades-service-{{ name }}-timer-file-{{ how }}
      {%- endfor %}
      {%- for unit, name in services.items() %}
        {%- set written = "managed" if unit in policy.services else "absent" %}
      - file: unattended-upgrades-service-{{ name }}-service-file-{{ written }}
      {%- endfor %}

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
