package api

// erasePaths are the routes that erase persons.
func erasePaths() obj {
	value := func(summary string, value obj) obj { return obj{"summary": summary, "value": value} }
	route := posted("erasePerson", "What there is of a person, and its erasure", "Erasure", "Erased", obj{
		"look": value("What there is of a user", obj{"user_id": "u1"}),
		"do":   value("Erase who was told", obj{"plan": "era_…"}),
	})
	route["description"] = "Without plan nothing is erased, and the answer names one, good for 15 minutes. It needs a key with the scope erase."
	planned(route)
	return obj{"/v1/persons/erase": obj{"post": route}}
}

// planned adds the answers of a route that does what a plan says.
func planned(route obj) {
	responses := route["responses"].(obj)
	responses["202"] = obj{"description": "It takes long, and goes on: ask again with the plan.", "content": obj{"application/json": obj{"schema": ref("UnderWay")}}}
	responses["404"] = obj{"description": "There is no such plan.", "content": obj{"application/json": obj{"schema": ref("Error")}}}
}

// eraseSchemas describe what it takes and answers.
func eraseSchemas() obj {
	place := object(obj{"place": text(""), "count": obj{"type": "integer"}, "what": text("What becomes of it")})
	return obj{
		"Erasure": object(obj{"site_id": text("Id or domain; needed if the key sees several"), "user_id": text("Who; or one of the next three"), "anonymous_id": text("As the SDK has it"), "email": text("Of an order, or a user id that is an address"),
			"order": text("The shop's number"), "store": text("The shop that has the order, if it has a name"), "only": obj{"type": "boolean", "description": "Follow no links from there to other ids"}, "plan": text("Of an answer; instead of all else")},
			"site_id", "user_id", "anonymous_id", "email", "order", "store", "only", "plan"),
		"Erased": object(obj{"plan": text("Names it to who would have it done"), "dry_run": obj{"type": "boolean"}, "site": text(""), "keys": obj{"type": "array", "items": text("user:u1, anon:…, customer:…, click:…"), "description": "All ids that are the person's"},
			"places": listOf(place), "queue_until": text("RFC 3339; by then the queue has expired what it has"), "left_to_look": listOf(text("A file that nobody can look into"))}, "plan", "queue_until"),
	}
}
