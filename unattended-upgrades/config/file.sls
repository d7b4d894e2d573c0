{%- set tplroot = tpldir.split("/")[0] %}
{%- from tplroot ~ "/map.jinja" import policy, uu with context %}

{%- if policy.errors %}
include:
  - {{ tplroot }}.invalid
{%- else %}
include:
  - {{ tplroot }}.package.install

{#- A fragment that apt cannot read would break apt, and with it Salt's own pkg states. #}
unattended-upgrades-config-fragment-file-managed:
  file.managed:
    - name: {{ uu.confd_dir }}/{{ uu.fragment }}
    - contents: {{ policy.fragment | json }}
    {%- if not policy.fragment_shown %}
    - show_changes: false
    {%- endif %}
    - user: root
    - group: root
    - mode: '0644'
    - check_cmd: apt-config dump -c
    - require:
      - sls: {{ tplroot }}.package.install

  {%- if policy.needrestart %}
unattended-upgrades-config-needrestart-file-managed:
  file.managed:
    - name: {{ uu.needrestart_dir }}/{{ uu.fragment }}.conf
    - contents: {{ policy.needrestart | json }}
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: true
    - check_cmd: perl -c
  {%- else %}
unattended-upgrades-config-needrestart-file-absent:
  file.absent:
    - name: {{ uu.needrestart_dir }}/{{ uu.fragment }}.conf
  {%- endif %}
    - require:
      - sls: {{ tplroot }}.package.install

  {%- if policy.plugin %}
unattended-upgrades-config-plugin-file-managed:
  file.managed:
    - name: {{ uu.plugin_dir }}/salt_last_run.py
    - source: salt://{{ tplroot }}/files/salt_last_run.py
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: true
    - require:
      - sls: {{ tplroot }}.package.install
  {%- endif %}
{%- endif %}
