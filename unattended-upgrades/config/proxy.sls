{%- set tplroot = tpldir.split("/")[0] %}
{%- from tplroot ~ "/map.jinja" import policy, uu with context %}

{%- if policy.errors %}
include:
  - {{ tplroot }}.invalid
{%- else %}
include:
  - {{ tplroot }}.package.install

{#- A state of our own, as the contents of file.managed end in the job's data. #}
unattended-upgrades-config-proxy-unattended_upgrades-proxies_written:
  unattended_upgrades.proxies_written:
    - name: {{ uu.confd_dir }}/{{ uu.fragment }}-proxy
    - require:
      - sls: {{ tplroot }}.package.install
{%- endif %}
