package api

import "footfall/metric"

// deletePaths are the routes that delete events.
func deletePaths() obj {
	value := func(summary string, value obj) obj { return obj{"summary": summary, "value": value} }
	route := posted("deleteEvents", "What would go of a time, and its deletion", "Deletion", "Deleted", obj{
		"look": value("What is of a spam referrer", obj{"date_range": []any{"2024-01-01", "2024-01-31"}, "filters": []any{[]any{"contains", "referrer", []any{"spam.example"}}}}),
		"do":   value("Delete what was told", obj{"plan": "del_…"}),
	})
	route["description"] = "Without plan nothing is deleted, and the answer names one, good for 15 minutes. It needs a key with the scope admin."
	planned(route)
	return obj{"/v1/events/delete": obj{"post": route}}
}

// deleteSchemas describe what it takes and answers.
func deleteSchemas() obj {
	count, date := obj{"type": "integer"}, text("A date of the site")
	day := object(obj{"date": date, "events": count, "page_views": count, "bots": count, "visitors": count})
	return obj{
		"Deletion": object(obj{"site_id": text("Id or domain; needed if the key sees several"), "date_range": ref("Between"), "plan": text("Of an answer; instead of all else"),
			"filters": obj{"type": "array", "items": ref("Condition"), "maxItems": metric.MaxConditions, "description": "What holds of the events; without any, all of the time go, bots among them"}}, "site_id", "date_range", "filters", "plan"),
		"Deleted": object(obj{"plan": text("Names it to who would have it done"), "dry_run": obj{"type": "boolean"}, "site": text(""), "from": text("RFC 3339"), "to": text("Not included"), "frozen_before": text("Earlier dates are left alone"),
			"events": count, "page_views": count, "bots": count, "visitors": count, "days": listOf(day), "archive": count, "set_aside": count, "orders": count, "touches": count}, "plan", "frozen_before"),
		"UnderWay": object(obj{"plan": text(""), "state": text("")}),
	}
}
