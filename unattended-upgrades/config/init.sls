{%- set tplroot = tpldir.split("/")[0] %}
include:
  - {{ tplroot }}.config.proxy
  - {{ tplroot }}.config.file
  - {{ tplroot }}.config.upgrade
  - {{ tplroot }}.config.reboot
  - {{ tplroot }}.config.snapshot
  - {{ tplroot }}.config.effective
