{%- set tplroot = tpldir.split("/")[0] %}
{%- from tplroot ~ "/map.jinja" import policy, uu with context %}

include:
{%- if policy.errors %}
  - {{ tplroot }}.invalid
{%- else %}
  - {{ tplroot }}.config.file

  {%- if policy.assert_effective %}
unattended-upgrades-config-effective-unattended_upgrades-effective:
  unattended_upgrades.effective:
    - fragment: {{ uu.confd_dir }}/{{ uu.fragment }}
    - require:
      - sls: {{ tplroot }}.config.file
  {%- endif %}
{%- endif %}
