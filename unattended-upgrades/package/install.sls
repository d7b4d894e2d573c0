{%- set tplroot = tpldir.split("/")[0] %}
{%- from tplroot ~ "/map.jinja" import policy, uu with context %}

{%- if policy.errors %}
include:
  - {{ tplroot }}.invalid
{%- else %}
  {%- set wanted = uu.packages + policy.packages %}

  {%- if policy.apt_formula.used %}
include:
  - apt.unattended
    {%- if policy.include_apt_repositories %}
  - apt.repositories
    {%- endif %}

    {#- Its files must come after the package, or ucf asks about them; and apt has to read them. #}
    {%- from "apt/map.jinja" import apt as apt_map with context %}
extend:
  {{ apt_map.confd_dir }}/{{ apt_map.unattended_config }}:
    file:
      - check_cmd: apt-config dump -c
      - require:
        - pkg: apt_unattended_pkgs
  {{ apt_map.confd_dir }}/{{ apt_map.periodic_config }}:
    file:
      - check_cmd: apt-config dump -c
      - require:
        - pkg: apt_unattended_pkgs
    {%- if policy.include_apt_repositories %}
  apt_unattended_pkgs:
    pkg:
      - require:
        - sls: apt.repositories
    {%- endif %}
  {%- endif %}

unattended-upgrades-package-install-pkg-installed:
  pkg.installed:
    - pkgs: {{ wanted | json }}
  {%- if policy.apt_formula.used %}
    - require:
      - sls: apt.unattended
  {%- endif %}

{#- Also without a list: it ends the holds of an earlier one. #}
unattended-upgrades-package-hold-unattended_upgrades-held:
  unattended_upgrades.held:
    - packages: {{ policy.hold | json }}
    - require:
      - pkg: unattended-upgrades-package-install-pkg-installed
{%- endif %}
