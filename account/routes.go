package account

// Routes has a line for every address that a door serves. Preflights (OPTIONS)
// and HEAD are answered as the line's method is.
var Routes = []Route{
	// collect: the write key that stands in the page says which site it is for
	{"POST", "/v1/page", Public}, {"POST", "/v1/p", Public},
	{"POST", "/v1/track", Public}, {"POST", "/v1/t", Public},
	{"POST", "/v1/identify", Public}, {"POST", "/v1/i", Public},
	{"POST", "/v1/group", Public}, {"POST", "/v1/g", Public},
	{"POST", "/v1/screen", Public}, {"POST", "/v1/s", Public},
	{"POST", "/v1/alias", Public}, {"POST", "/v1/a", Public},
	{"POST", "/v1/batch", Public}, {"POST", "/v1/b", Public},
	{"POST", "/v1/import", Public}, {"POST", "/beacon/v1/batch", Public},
	{"GET", "/collect", Public}, {"POST", "/collect", Public},
	{"GET", "/pixel/v1/{kind}", Public}, {"GET", "/v1/pixel/{kind}", Public},
	{"GET", "/sourceConfig", Public}, {"GET", "/v1/projects/{key}/settings", Public},
	{"POST", "/v1/m", Public}, {"POST", "/rsaMetrics", Public},
	{"GET", "/js/footfall.js", Public}, {"GET", "/js/affiliate.js", Public}, {"GET", "/js/figures.js", Public}, {"GET", "/js/frame.js", Public}, {"GET", "/debug/me", Public},
	{"GET", "/n/{name}", Public}, {"POST", "/n/{name}/{kind}", Public},
	{"GET", "/r/{code}", Public}, {"GET", "/r/{code}/qr.svg", Public}, {"GET", "/r/{code}/qr.png", Public},

	// api: keys
	{"GET", "/graphql", ReadFigures}, {"POST", "/graphql", ReadFigures},
	{"GET", "/v1/query", ReadFigures}, {"POST", "/v1/query", ReadFigures}, {"GET", "/v1/daily", ReadFigures},
	{"POST", "/v1/retention", ReadFigures}, {"POST", "/v1/journey", ReadFigures}, // not affiliates: their visitors did more elsewhere
	{"GET", "/v1/export", ReadVisitors}, // raw events: of single visitors
	{"GET", "/v1/goals", ReadFigures}, {"PUT", "/v1/goals/{name}", ChangeSite}, {"DELETE", "/v1/goals/{name}", ChangeSite},
	{"POST", "/v1/funnel", ReadFigures},
	{"GET", "/v1/filters", ReadFigures},
	{"GET", "/v1/notes", ReadFigures}, {"POST", "/v1/notes", ChangeSite}, {"DELETE", "/v1/notes/{id}", ChangeSite},
	{"GET", "/v1/funnels", ReadFigures}, {"PUT", "/v1/funnels/{name}", ChangeSite}, {"DELETE", "/v1/funnels/{name}", ChangeSite},
	{"POST", "/v1/events/delete", DeleteEvents}, {"POST", "/v1/persons/erase", ErasePerson},
	{"GET", "/openapi.json", Public},
	{"GET", "/v1/live", ReadFigures}, // also sessions, shares, and affiliates for their own
	{"POST", "/v1/sql", AskSQL},      // also affiliates for their own rows
	{"GET", "/v1/visitors/{id}/history", ReadVisitors},
	{"GET", "/v1/visitors/{id}/segments", ReadMemberships}, // with the reasons: ReadVisitors
	{"GET", "/v1/segments", ReadVisitors}, {"PUT", "/v1/segments", ChangeSegments},
	{"POST", "/v1/segments/dry-run", ReadVisitors},
	{"DELETE", "/v1/segments/{name}", ChangeSegments},
	{"GET", "/v1/segments/{name}/members", ReadVisitors},

	// commerce: keys, and shops' signatures
	{"POST", "/v1/orders", WriteOrders}, {"POST", "/v1/orders.csv", WriteOrders}, {"POST", "/v1/refunds", WriteOrders},
	{"POST", "/hooks/{site}/{shop}", Public},

	// portal: sessions of affiliates, and of who runs a programme
	{"GET", "/portal", OwnFigures},
	{"GET", "/portal/links", OwnFigures}, {"POST", "/portal/links", OwnFigures},
	{"GET", "/portal/orders", OwnFigures}, {"GET", "/portal/orders/{order}", OwnFigures},
	{"GET", "/portal/payouts", OwnFigures}, {"GET", "/portal/payouts/{payout}/statement.csv", OwnFigures},
	{"GET", "/portal/profile", OwnFigures}, {"POST", "/portal/profile", OwnFigures},
	{"GET", "/portal/assets/{version}/{name}", Public},
	{"GET", "/join/{program}", Public}, {"POST", "/join/{program}", Public},
	{"GET", "/program/new", PayOut}, {"POST", "/program/new", PayOut}, {"POST", "/program/{program}/settings/sites", PayOut},
	{"GET", "/program", ManageProgramme}, {"GET", "/program/{program}", ManageProgramme},
	{"GET", "/program/{program}/affiliates", ManageProgramme}, {"POST", "/program/{program}/affiliates", ManageProgramme},
	{"GET", "/program/{program}/affiliates/{affiliate}", ManageProgramme}, {"POST", "/program/{program}/affiliates/{affiliate}", ManageProgramme},
	{"POST", "/program/{program}/affiliates/{affiliate}/login", ManageProgramme},
	{"POST", "/program/{program}/affiliates/{affiliate}/codes", ManageProgramme},
	{"POST", "/program/{program}/affiliates/{affiliate}/codes/{code}", ManageProgramme},
	{"GET", "/program/{program}/applications", ManageProgramme},
	{"GET", "/program/{program}/orders", ManageProgramme},
	{"GET", "/program/{program}/orders/{order}", ManageProgramme}, {"POST", "/program/{program}/orders/{order}", ManageProgramme},
	{"GET", "/program/{program}/flags", ManageProgramme}, {"POST", "/program/{program}/flags/{flag}", ManageProgramme},
	{"GET", "/program/{program}/ledger", ManageProgramme}, {"GET", "/program/{program}/ledger.csv", ManageProgramme},
	{"GET", "/program/{program}/payouts", ManageProgramme}, {"GET", "/program/{program}/payouts.csv", ManageProgramme},
	{"GET", "/program/{program}/payouts/{payout}/statement.csv", ManageProgramme},
	{"POST", "/program/{program}/payouts", PayOut}, {"POST", "/program/{program}/payouts/{payout}", PayOut},
	{"GET", "/program/{program}/webhooks", ManageProgramme}, {"POST", "/program/{program}/webhooks", ManageProgramme},
	{"GET", "/program/{program}/webhooks/{hook}", ManageProgramme}, {"POST", "/program/{program}/webhooks/{hook}", ManageProgramme},
	{"POST", "/program/{program}/webhooks/{hook}/state", ManageProgramme}, {"POST", "/program/{program}/webhooks/{hook}/test", ManageProgramme},
	{"POST", "/program/{program}/webhooks/{hook}/secret", ManageProgramme}, {"POST", "/program/{program}/webhooks/{hook}/replay", ManageProgramme},
	{"POST", "/program/{program}/webhooks/{hook}/remove", ManageProgramme},
	{"GET", "/program/{program}/settings", ManageProgramme}, {"POST", "/program/{program}/settings", ManageProgramme},
	{"POST", "/program/{program}/settings/rules", ManageProgramme}, {"POST", "/program/{program}/settings/shops", ManageProgramme},

	// dash: people's sessions
	{"GET", "/{$}", ReadFigures}, {"GET", "/audit", ReadServer},
	{"GET", "/goals", ReadFigures}, {"POST", "/goals", ChangeSite}, {"GET", "/goals/{name}", ReadFigures}, {"POST", "/goals/{name}/remove", ChangeSite},
	{"GET", "/funnels", ReadFigures}, {"POST", "/funnels", ChangeSite}, {"POST", "/funnels/{name}/remove", ChangeSite},
	{"GET", "/filters", ReadFigures}, {"POST", "/filters", ReadFigures}, {"POST", "/filters/remove", ReadFigures}, // those of the site: ChangeSite
	{"GET", "/notes", ReadFigures}, {"POST", "/notes", ChangeSite}, {"POST", "/notes/{note}/remove", ChangeSite},
	{"GET", "/retention", ReadFigures}, {"GET", "/journeys", ReadFigures},
	{"GET", "/privacy/{site}", Public}, {"GET", "/assets/{version}/{name}", Public},
	{"GET", "/login", Public}, {"POST", "/login", Public}, {"POST", "/login/code", Public}, {"POST", "/login/mail", Public},
	{"GET", "/setup", Public}, {"POST", "/setup", Public},
	{"GET", "/password", Public}, {"POST", "/password", Public},
	{"POST", "/logout", LoggedIn}, {"GET", "/account", LoggedIn},
	{"POST", "/account/name", LoggedIn}, {"POST", "/account/password", LoggedIn},
	{"POST", "/account/totp", LoggedIn}, {"POST", "/account/totp/off", LoggedIn},
	{"POST", "/account/logout", LoggedIn},
	{"GET", "/people", ChangePeople}, {"POST", "/people", ChangePeople}, {"GET", "/people/{person}", ChangePeople},
	{"POST", "/people/{person}/role", ChangePeople}, {"POST", "/people/{person}/role/remove", ChangePeople}, {"POST", "/people/{person}/password", ChangePeople},
	{"POST", "/people/{person}/logout", ChangePeople}, {"POST", "/people/{person}/switch", ChangePeople}, {"POST", "/people/{person}/remove", ChangePeople},
	{"GET", "/keys", ChangePeople}, {"POST", "/keys", ChangePeople}, {"POST", "/keys/{key}/revoke", ChangePeople},
	{"GET", "/shares", ChangePeople}, {"POST", "/shares", ChangePeople}, {"POST", "/shares/{share}/revoke", ChangePeople},
	{"POST", "/embed", ChangePeople}, {"POST", "/embed/renew", ChangePeople},
	{"GET", "/changes", ReadAudit},
	{"GET", "/reports", ReadFigures}, {"POST", "/reports", ReadFigures}, {"POST", "/reports/{report}/remove", ReadFigures}, // of others: ChangeSite
	{"GET", "/operations", ReadServer}, {"POST", "/operations/recount", ChangeServer},
	{"GET", "/operations/aside", ReadServer}, {"GET", "/operations/aside/{item}", ReadServer}, {"POST", "/operations/aside", ChangeServer},
	{"GET", "/sites", ChangeSite}, {"POST", "/sites", ChangeServer}, {"GET", "/sites/{site}", ChangeSite}, {"GET", "/connection", ChangeSite},
	{"GET", "/sites/{site}/libraries", ChangeSite},
	{"GET", "/sites/{site}/settings", ChangeSite}, {"POST", "/sites/{site}/settings", ChangeSite},
	{"GET", "/sites/{site}/privacy", ChangeSite}, {"POST", "/sites/{site}/privacy", ChangeSite},
	{"GET", "/sites/{site}/export", ReadVisitors}, // raw events: of single visitors
	{"GET", "/sites/{site}/erase", ErasePerson}, {"POST", "/sites/{site}/erase", ErasePerson}, {"POST", "/sites/{site}/erase/confirm", ErasePerson},
	{"GET", "/sites/{site}/delete", DeleteEvents}, {"POST", "/sites/{site}/delete", DeleteEvents}, {"POST", "/sites/{site}/delete/confirm", DeleteEvents},
	{"GET", "/unsubscribe/{token}", Public}, {"POST", "/unsubscribe/{token}", Public},
	{"GET", "/share/{token}", Public}, {"GET", "/public/{domain}", Public}, {"GET", "/public/{domain}/card.png", Public}, {"GET", "/embed/{domain}", Public},
	{"GET", "/sites/{site}/share", ChangeSite}, {"POST", "/sites/{site}/share/frame", ChangePeople}, {"POST", "/sites/{site}/share/figure", ChangePeople},

	// the server itself
	{"GET", "/healthz", Public}, {"GET", "/readyz", Public}, {"GET", "/metrics", Public},
}
