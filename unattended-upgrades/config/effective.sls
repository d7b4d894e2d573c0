{%- set tplroot = tpldir.split("/")[0] %}
{%- from tplroot ~ "/map.jinja" import policy, uu with context %}

include:
{%- if policy.errors %}
  - {{ tplroot }}.invalid
{%- else %}
  - {{ tplroot }}.config.proxy
  - {{ tplroot }}.config.file
  - {{ tplroot }}.config.upgrade
  - {{ tplroot }}.config.snapshot

  {%- if policy.assert_effective %}
unattended-upgrades-config-effective-unattended_upgrades-effective:
  unattended_upgrades.effective:
    - fragment: {{ uu.confd_dir }}/{{ uu.fragment }}
    - require:
      - sls: {{ tplroot }}.config.proxy
      - sls: {{ tplroot }}.config.file
      - sls: {{ tplroot }}.config.upgrade
      - sls: {{ tplroot }}.config.snapshot
  {%- endif %}
{%- endif %}
