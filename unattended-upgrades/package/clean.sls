{%- set tplroot = tpldir.split("/")[0] %}
{%- from tplroot ~ "/map.jinja" import policy, uu with context %}

{%- if policy.errors %}
include:
  - {{ tplroot }}.invalid
{%- else %}
include:
  - {{ tplroot }}.config.clean

unattended-upgrades-package-clean-unattended_upgrades-held:
  unattended_upgrades.held:
    - packages: []

{#- Only the package that gave the formula its name: the others may serve somebody else. #}
unattended-upgrades-package-clean-pkg-removed:
  pkg.removed:
    - name: {{ uu.packages | first }}
    - require:
      - sls: {{ tplroot }}.config.clean
      - unattended_upgrades: unattended-upgrades-package-clean-unattended_upgrades-held
{%- endif %}
