{#- The only state of a run whose pillar is refused: nothing is written. #}
{%- set tplroot = tpldir.split("/")[0] %}
{%- from tplroot ~ "/map.jinja" import policy with context %}

{#- The text is the name as well, because in test mode this function hides the comment. #}
{%- if policy.errors %}
  {%- set text = "The unattended-upgrades policy is refused; nothing was written.\n"
                 ~ policy.errors | join("\n") %}
unattended-upgrades-policy-invalid:
  test.fail_without_changes:
    - name: {{ text | json }}
    - comment: {{ text | json }}
{%- endif %}
