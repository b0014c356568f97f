"""The addresses of the pages."""

from allauth.account import views as account
from django.urls import include, path, re_path

from samdrift.web.views import acting, cases, design, find, governance, home, mine, opening, search, sources, tickets

# allauth's own list has more: an address that changes one's e-mail, which is the login identity, and signing up.
# Only these are ours. The names are allauth's, since it reverses them.
login_patterns = [
    path("login/", account.login, name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("password/change/", account.password_change, name="account_change_password"),
    path("password/set/", account.password_set, name="account_set_password"),
    path("password/reset/", account.password_reset, name="account_reset_password"),
    path("password/reset/done/", account.password_reset_done, name="account_reset_password_done"),
    path(
        "password/reset/key/done/",
        account.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        account.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("two-steps/", include("allauth.mfa.urls")),
]

urlpatterns = [
    path("", home.home, name="home"),
    path("find/", find.find, name="find"),
    path("tickets/", tickets.queue, name="tickets"),
    path("tickets/new/", opening.new_ticket, name="new_ticket"),
    path("tickets/<uuid:ticket>/", tickets.ticket, name="ticket"),
    path("cases/", cases.queue, name="cases"),
    path("cases/<uuid:case>/", cases.case, name="case"),
    path("alerts/<uuid:alert>/", cases.alert, name="alert"),
    path("logs/", search.search, name="search"),
    path("logs/<str:event>/", search.event, name="event"),
    path("sources/", sources.sources, name="sources"),
    path("ledger/", sources.ledger, name="ledger"),
    path("services/", governance.services, name="services"),
    path("audit/", governance.audit, name="audit"),
    path("acting/", acting.choose, name="acting"),
    path("scope/", acting.why, name="scope"),
    path("settings/", mine.my_settings, name="settings"),
    path("keys/", mine.keys, name="keys"),
    path("language/", mine.choose_language, name="language"),
    path("design/", design.components, name="design"),
    path("account/", include(login_patterns)),
]
