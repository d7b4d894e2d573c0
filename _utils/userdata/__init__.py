"""
User data of new instances: pillar → what they boot with. Pure: no Salt, no AWS, no files.

``settings.parse`` validates, ``compose.compose`` builds; both tell every problem at once as a
:class:`userdata.errors.UserDataError`.
"""
