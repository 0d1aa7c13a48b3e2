package api

import (
	"maps"

	"footfall/metric"
)

// visitPaths are the routes about single visits.
func visitPaths() obj {
	value := func(summary string, value obj) obj { return obj{"summary": summary, "value": value} }
	return obj{
		"/v1/retention": obj{"post": posted("retention", "Who came back, by when they were first seen", "RetentionQuestion", "Retention", obj{
			"weeks": value("Of the new visitors of each week", obj{"date_range": "84d", "step": "week"}),
			"buyers": value("Of those who came by a source, who bought in the months behind", obj{"date_range": "12mo", "step": "month", "returning": []any{[]any{"is", "event", []any{"Order Completed"}}},
				"filters": []any{[]any{"is", "visit:source", []any{"Google"}}}}),
		})},
		"/v1/journey": obj{"post": posted("journey", "Which pages are next to a page or an event", "JourneyQuestion", "Journey", obj{
			"next":     value("Where visitors go to from a page, three pages deep", obj{"date_range": "30d", "page": "/pricing", "depth": 3, "limit": 5}),
			"previous": value("Where those are from who sign up", obj{"date_range": "30d", "event": "Signed Up", "direction": "previous", "filters": []any{[]any{"is", "visit:device", []any{"phone"}}}}),
		})},
	}
}

// visitSchemas describe what these routes take and answer.
func visitSchemas() obj {
	day, number := text("A day"), obj{"type": "integer"}
	share := obj{"type": []string{"number", "null"}, "description": "In per cent, to a thousandth; null of nothing"}
	partial := obj{"type": "boolean", "description": "The step is not over"}
	conditions := func(what string) obj {
		return obj{"type": "array", "items": ref("Condition"), "maxItems": metric.MaxConditions, "description": what}
	}
	asked := func(fields obj) obj {
		all := obj{"site_id": text("Id or domain; needed if the key sees several"), "date_range": ref("Range"), "timezone": text("Such as Europe/Berlin; the site's, if it is left out"), "bots": obj{"type": "boolean", "description": "Count bots, too"}}
		maps.Copy(all, fields)
		question := object(all)
		question["required"] = []string{"date_range"}
		return question
	}
	meta := object(obj{"source": text(""), "as_of": text("Everything received before is counted"), "warnings": listOf(obj{"type": "string"})}, "warnings")
	on := []string{"ended", "ended_share", "pages", "others", "others_share", "total_pages"}
	return obj{
		"VisitMeta": meta,
		"RetentionQuestion": asked(obj{"step": enum(metric.RetentionSteps...), "returning": conditions("What coming back is, all of it in one event; a page view, if it is left out"),
			"filters": conditions("Of the visitor's first event; all of them hold")}),
		"Retention": object(obj{
			"cohorts": listOf(object(obj{"start": day, "size": number, "partial": partial,
				"returned": listOf(object(obj{"start": day, "visitors": number, "rate": share, "partial": partial}, "partial"))}, "partial")),
			"average":  listOf(object(obj{"step": number, "of": number, "visitors": number, "rate": share})),
			"visitors": object(obj{"known": number, "left_out": number}), "meta": ref("VisitMeta"), "query": ref("RetentionQuestion")}),
		"JourneyQuestion": asked(obj{"page": text("A path"), "event": text("The name of a track event, instead of a page"), "direction": enum(metric.Ways...), "depth": obj{"type": "integer", "minimum": 1, "maximum": metric.MaxJourney},
			"limit": obj{"type": "integer", "minimum": 1, "maximum": metric.MaxRows, "description": "Most pages behind each; to the power of depth at most 10,000"}, "filters": conditions("Of the views, or events, that the journey is from; all of them hold")}),
		"Journey": object(obj{"views": number, "apart": obj{"type": "integer", "description": "Views in no session"}, "apart_share": share, "from": ref("JourneyPlace"), "meta": ref("VisitMeta"), "query": ref("JourneyQuestion")}),
		"JourneyPlace": object(obj{"page": text("Or, of the first, an event"), "views": number, "share": share, "ended": obj{"type": "integer", "description": "Left here or, looking back, entered here"}, "ended_share": share,
			"pages": listOf(ref("JourneyPlace")), "others": obj{"type": "integer", "description": "Of pages beyond the limit"}, "others_share": share, "total_pages": number}, on...),
	}
}

// posted is a route that takes a question as a body.
func posted(id, summary, question, answer string, examples obj) obj {
	responses := answers("application/json", answer)
	responses["413"] = obj{"description": "The body is larger than 64 KiB.", "content": obj{"application/json": obj{"schema": ref("Error")}}}
	return obj{"operationId": id, "summary": summary, "responses": responses,
		"requestBody": obj{"required": true, "content": obj{"application/json": obj{"schema": ref(question), "examples": examples}}}}
}
