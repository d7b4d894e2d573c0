{%- set tplroot = tpldir.split("/")[0] %}
{%- from tplroot ~ "/map.jinja" import policy, uu with context %}

{%- if policy.errors %}
include:
  - {{ tplroot }}.invalid
{%- else %}
include:
  - {{ tplroot }}.config.clean

  {%- if policy.hold %}
unattended-upgrades-package-clean-pkg-unheld:
  pkg.unheld:
    - pkgs: {{ policy.hold | json }}
  {%- endif %}

{#- Only the package that gave the formula its name: the others may serve somebody else. #}
unattended-upgrades-package-clean-pkg-removed:
  pkg.removed:
    - name: {{ uu.packages | first }}
    - require:
      - sls: {{ tplroot }}.config.clean
{%- endif %}
