{%- set tplroot = tpldir.split("/")[0] %}
include:
  - {{ tplroot }}.config.file
  - {{ tplroot }}.config.effective
