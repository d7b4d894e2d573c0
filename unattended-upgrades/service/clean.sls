{%- set tplroot = tpldir.split("/")[0] %}
{%- from tplroot ~ "/map.jinja" import policy, uu with context %}

{%- if policy.errors %}
include:
  - {{ tplroot }}.invalid
{%- else %}
unattended-upgrades-service-clean-file-absent:
  file.absent:
    - names:
      {%- for unit in ["apt-daily.timer", "apt-daily-upgrade.timer"] %}
      - {{ uu.systemd_dir }}/{{ unit }}.d/50-salt-unattended-upgrades.conf
      {%- endfor %}
      {%- for unit in ["apt-daily.service", "apt-daily-upgrade.service"] %}
      - {{ uu.systemd_dir }}/{{ unit }}.d/60-salt-fetch.conf
      {%- endfor %}

  {#- The timers are apt's own and go on with the packaged schedule. #}
  {%- if salt["file.directory_exists"]("/run/systemd/system") %}
unattended-upgrades-service-clean-module-run:
  module.run:
    - service.systemctl_reload: []
    - onchanges:
      - file: unattended-upgrades-service-clean-file-absent
  {%- endif %}
{%- endif %}
