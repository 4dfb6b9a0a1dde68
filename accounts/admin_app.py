from django.contrib.admin.apps import AdminConfig


class StaffAdminConfig(AdminConfig):
    """Django's admin behind a second factor."""

    default_site = "accounts.staff.StaffSite"
