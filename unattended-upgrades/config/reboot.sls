{%- set tplroot = tpldir.split("/")[0] %}
{%- from tplroot ~ "/map.jinja" import policy, uu with context %}

{%- if policy.errors %}
include:
  - {{ tplroot }}.invalid
{%- else %}
include:
  - {{ tplroot }}.package.install

  {%- set hook = uu.dpkg_cfg_dir ~ "/" ~ uu.fragment %}
  {%- if policy.reboot_flag %}
unattended-upgrades-config-reboot-flag-file-managed:
  file.managed:
    - name: {{ uu.lib_dir }}/reboot-flag
    - source: salt://{{ tplroot }}/files/reboot-flag
    - user: root
    - group: root
    - mode: '0755'
    - makedirs: true
    - require:
      - sls: {{ tplroot }}.package.install

unattended-upgrades-config-reboot-modules-file-managed:
  file.managed:
    - names:
    {%- for name in policy.reboot_flag %}
      - {{ uu.lib_dir }}/patched/{{ name }}:
          - source: salt://_utils/aptpolicy/patched/{{ name }}
    {%- endfor %}
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: true
    - require:
      - file: unattended-upgrades-config-reboot-flag-file-managed

{#- A hook that fails would fail dpkg. Not apt's hook: dpkg is called by others too. #}
unattended-upgrades-config-reboot-hook-file-managed:
  file.managed:
    - name: {{ hook }}
    - contents: |
        # Managed by Salt, formula unattended-upgrades.
        post-invoke=if [ -x {{ uu.lib_dir }}/reboot-flag ]; then {{ uu.lib_dir }}/reboot-flag || true; fi
    - user: root
    - group: root
    - mode: '0644'
    - makedirs: true
    - require:
      - file: unattended-upgrades-config-reboot-modules-file-managed
  {%- else %}
unattended-upgrades-config-reboot-file-absent:
  file.absent:
    - names:
      - {{ hook }}
      - {{ uu.lib_dir }}
    - require:
      - sls: {{ tplroot }}.package.install
  {%- endif %}
{%- endif %}
