package api

import "footfall/metric"

// goalPaths are the routes of goals and funnels.
func goalPaths() obj {
	site := parameter("site", text("Id or domain; needed if the key sees several"))
	name := obj{"name": "name", "in": "path", "required": true, "schema": text("What it is called")}
	body := func(schema string, examples obj) obj {
		return obj{"required": true, "content": obj{"application/json": obj{"schema": ref(schema), "examples": examples}}}
	}
	value := func(summary string, value obj) obj { return obj{"summary": summary, "value": value} }
	tooLarge := func(responses obj) obj {
		responses["413"] = obj{"description": "The body is larger than 64 KiB.", "content": obj{"application/json": obj{"schema": ref("Error")}}}
		return responses
	}
	remove := func() obj {
		responses := answers("application/json", "Removed")
		responses["404"] = obj{"description": "There is none of this name.", "content": obj{"application/json": obj{"schema": ref("Error")}}}
		return responses
	}
	return obj{
		"/v1/goals": obj{"get": obj{"operationId": "goals", "summary": "What visitors of a site should do", "parameters": []any{site}, "responses": answers("application/json", "Goals")}},
		"/v1/goals/{name}": obj{
			"put": obj{"operationId": "setGoal", "summary": "Define a goal, new or not", "parameters": []any{name, site}, "responses": tooLarge(answers("application/json", "Goals")), "requestBody": body("Goal", obj{
				"page": value("Who has come to a page", obj{"page": "/thanks*", "value": "2.50"}), "event": value("Who has paid for a plan", obj{"event": "Signed Up", "filters": []any{[]any{"is", "property:plan", []any{"pro"}}}, "value_property": "revenue"})})},
			"delete": obj{"operationId": "removeGoal", "summary": "Remove a goal", "parameters": []any{name, site}, "responses": remove()}},
		"/v1/funnel": obj{"post": obj{"operationId": "funnel", "summary": "How many visitors did some things one after another", "responses": tooLarge(answers("application/json", "FunnelTable")), "requestBody": body("Funnel", obj{
			"order": value("From a product to the order, within a day", obj{"date_range": "30d", "within": "24h", "steps": []any{obj{"page": "/products/*", "name": "Product"}, obj{"event": "Product Added"}, obj{"event": "Order Completed"}}}),
			"saved": value("One that the site keeps under a name, of those from a country", obj{"date_range": "30d", "funnel": "Order", "filters": []any{[]any{"is", "visit:country", []any{"DE"}}}})})}},
		"/v1/filters": obj{"get": obj{"operationId": "filters", "summary": "The filters that a site keeps under a name", "parameters": []any{site}, "responses": answers("application/json", "Filters")}},
		"/v1/funnels": obj{"get": obj{"operationId": "funnels", "summary": "The funnels that a site keeps", "parameters": []any{site}, "responses": answers("application/json", "Funnels")}},
		"/v1/funnels/{name}": obj{
			"put": obj{"operationId": "setFunnel", "summary": "Keep a funnel under a name, new or not", "parameters": []any{name, site}, "responses": tooLarge(answers("application/json", "Funnels")), "requestBody": body("SavedFunnel", obj{
				"order": value("From a product to the order, within a day", obj{"within": "24h", "steps": []any{obj{"page": "/products/*", "name": "Product"}, obj{"event": "Order Completed"}}})})},
			"delete": obj{"operationId": "removeFunnel", "summary": "Remove a funnel", "parameters": []any{name, site}, "responses": remove()}},
	}
}

// goalSchemas describe goals and funnels.
func goalSchemas(value obj) obj {
	act := func(more obj) obj {
		more["page"], more["event"] = text("Path of a page or screen view; * stands for any characters"), text("Name of a track event; or page")
		more["filters"] = obj{"type": "array", "items": ref("Condition"), "maxItems": metric.MaxActFilter, "description": "What else holds of it"}
		var optional []string
		for name := range more {
			optional = append(optional, name)
		}
		return object(more, optional...)
	}
	goal := act(obj{"name": text("1 to 100 bytes"), "value": obj{"type": []string{"number", "string"}, "description": "Of each completion; exact, in the site's currency"}, "value_property": text("Or the name of the event's property that is the amount")})
	steps := obj{"type": "array", "items": act(obj{"goal": text("A goal's name; or what is done"), "name": text("What the step is called")}), "minItems": metric.MinSteps, "maxItems": metric.MaxSteps}
	within := obj{"type": "string", "pattern": metric.WithinForm, "description": "Most time from the first step to the last: 30m, 24h, 7d"}
	funnel := obj{"site_id": text("Id or domain; needed if the key sees several"), "funnel": text("The name of one that the site keeps; or steps and within"), "steps": steps, "date_range": ref("Range"), "within": within,
		"filters": obj{"type": "array", "items": ref("Condition"), "maxItems": metric.MaxConditions, "description": "What holds of the event of each step"}, "timezone": text("Such as Europe/Berlin; the site's, if it is left out"), "bots": obj{"type": "boolean"}}
	count := obj{"type": "integer"}
	return obj{
		"Goal": goal, "Goals": object(obj{"site": text(""), "currency": text("ISO 4217"), "goals": listOf(ref("Goal"))}), "Removed": object(obj{"site": text(""), "removed": text("")}),
		"Filters":     object(obj{"site": text(""), "filters": listOf(object(obj{"name": text(""), "query": text("As an address of the dashboard has them: country=DE&device.is_not=phone")}))}),
		"Funnel":      object(funnel, "site_id", "funnel", "steps", "within", "filters", "timezone", "bots"),
		"SavedFunnel": object(obj{"name": text("1 to 100 bytes"), "steps": steps, "within": within}, "name", "within"), "Funnels": object(obj{"site": text(""), "funnels": listOf(ref("SavedFunnel"))}),
		"FunnelTable": object(obj{"query": ref("Funnel"), "meta": object(obj{"source": text(""), "as_of": text("Everything received before is counted"), "funnel": text("The name by which it was asked"), "experiments": experimentSchema()}, "funnel", "experiments"),
			"results": listOf(object(obj{"name": text(""), "visitors": count, "conversion_rate": value, "conversion_rate_step": value, "dropoff": count, "dropoff_percentage": value}))}),
	}
}
