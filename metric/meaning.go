package metric

// Meaning says in a sentence what the metric counts, for people who ask how a figure
// is known. docs/words.md has the whole definition.
func (n Name) Meaning() string { return meanings[n] }

var meanings = map[Name]string{
	PageViews:       "Pages and screens that people looked at. A reload counts again; bots don’t count.",
	Visitors:        "Different visitors with a page view. Without an id of your own a visitor is told apart by a hash that changes each day, so one who comes on three days counts three times.",
	Sessions:        "Runs of a visitor’s page views with pauses of at most 30 minutes between them, counted at their first page view.",
	Bounces:         "Sessions of exactly one page view.",
	Downloads:       "Clicks on links to files, which the snippet reports, and files that imported logs say were fetched.",
	ProductViews:    "“Product Viewed” events.",
	CartAdds:        "“Product Added” events.",
	Orders:          "“Order Completed” events.",
	Revenue:         "The amounts of all orders in the site’s currency. Nothing is converted; refunds are not taken off.",
	Refunds:         "“Order Refunded” events.",
	Refunded:        "The amounts of all refunds in the site’s currency.",
	AverageOrder:    "Revenue divided by orders.",
	Events:          "Events of any kind, page views among them. Bots don’t count.",
	SessionViews:    "Page views of the sessions, of the first 24 hours of each.",
	SessionSeconds:  "Time from the first to the last page view of the sessions, together.",
	BounceRate:      "Sessions of exactly one page view, in per cent of all sessions.",
	ViewsPerSession: "Page views of the sessions divided by sessions.",
	SessionDuration: "Time from the first to the last page view of a session, on average. A session of one page view lasts no time.",
	TimedViews:      "Page views with a later one in their session.",
	PageSeconds:     "Time from these page views to the next one, together.",
	TimeOnPage:      "Time from a page view to the next one of its session, on average. The last one has none.",
	GoalCompletions: "How often the site’s goals were reached. An event counts once for each goal that it reaches.",
	GoalVisitors:    "Different visitors who reached a goal.",
	GoalValue:       "What the completions of goals are worth together, in the site’s currency.",
	GoalAudience:    "Different visitors, whatever goals they reached.",
	GoalRate:        "Visitors who reached a goal, in per cent of all visitors.",

	Clicks:      "Clicks of people on affiliates’ links, one an hour of each visitor and code.",
	Conversions: "Orders that an affiliate brought.",
	Sales:       "The net amounts of these orders, refunds or not.",
	Commissions: "What affiliates earned, less what was reversed or is held by a dispute.",

	CommissionsPending:   "Commissions whose hold still runs.",
	CommissionsHeld:      "Commissions that a flag or a dispute holds.",
	CommissionsAvailable: "Commissions that can be paid out.",
	CommissionsInPayout:  "Commissions in a payout that is under way.",
	CommissionsPaid:      "Commissions that were paid.",
	CommissionsReversed:  "What was taken back of commissions, below zero.",

	EPC:            "Commissions divided by clicks: earnings per click.",
	ConversionRate: "Affiliates’ orders in per cent of clicks.",
}
