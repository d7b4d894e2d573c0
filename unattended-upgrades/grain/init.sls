{%- set tplroot = tpldir.split("/")[0] %}
{%- from tplroot ~ "/map.jinja" import policy with context %}

{%- if policy.errors %}
include:
  - {{ tplroot }}.invalid
{%- elif opts.file_client == "remote" %}
unattended-upgrades-grain-refreshed-unattended_upgrades-grain_refreshed:
  unattended_upgrades.grain_refreshed:
    - name: unattended-upgrades-grain
    - minutes: {{ policy.grain_refresh }}
{%- else %}
unattended-upgrades-grain-refreshed-test-nop:
  test.nop:
    - name: Without a master nobody selects by grains.
{%- endif %}
