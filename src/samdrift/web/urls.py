"""The addresses of the pages."""

from django.urls import include, path

from samdrift.web.views import acting, cases, design, find, governance, home, mine, opening, search, sources, tickets

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
    path("account/", include("allauth.account.urls")),
    path("account/two-steps/", include("allauth.mfa.urls")),
]
