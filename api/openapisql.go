package api

import (
	"maps"
	"slices"

	"footfall/sheet"
)

// sqlPaths is the route of the package sqlapi, described here beside all others.
func sqlPaths() obj {
	value := func(summary string, value obj) obj { return obj{"summary": summary, "value": value} }
	route := posted("sql", "SQL over events, orders and commissions", "SQLQuestion", "SQLAnswer", obj{
		"days":       value("Page views of the last days", obj{"query": "SELECT bin(time, 1d) AS day, count(*) AS views FROM PageViewsTable WHERE time > ago(7d) GROUP BY 1 ORDER BY 1"}),
		"parameters": value("Values stand in params, by name", obj{"query": "SELECT count(*) FROM PageViewsTable WHERE page = $page", "params": obj{"page": "/pricing"}}),
	})
	route["description"] = "It needs a key with the scope sql; one with affiliate:ID sees that affiliate's rows alone. The dialect is that of Amazon Timestream; functions, tables and bounds are in docs/sql.md. Formats other than json also go by an Accept header with their media type."
	responses := route["responses"].(obj)
	content := responses["200"].(obj)["content"].(obj)
	for _, media := range sheet.Formats {
		content[media] = obj{"schema": obj{"type": "string", "format": "binary", "description": "The same table as a file"}}
	}
	responses["400"] = obj{"description": "The query is wrong; line and column are those of the text that was sent.", "content": obj{"application/json": obj{"schema": ref("SQLFault")}}}
	delete(responses, "413") // of a query, too, the fault is told by 400
	return obj{"/v1/sql": obj{"post": route}}
}

// sqlSchemas describe what it takes and answers.
func sqlSchemas() obj {
	scalar := []string{"string", "number", "boolean", "null"}
	formats := append(slices.Sorted(maps.Keys(sheet.Formats)), "json")
	place := obj{"type": "integer", "minimum": 1}
	return obj{
		"SQLQuestion": object(obj{"query": text("One SELECT"), "params": obj{"type": "object", "additionalProperties": obj{"type": scalar}, "description": "By name, as $name in the query"}, "format": enum(formats...)}, "params", "format"),
		"SQLAnswer": object(obj{"columns": listOf(object(obj{"name": text(""), "type": text("DOUBLE, BIGINT, VARCHAR, TIMESTAMP and others of DuckDB")})),
			"rows": listOf(listOf(obj{"type": append(slices.Clone(scalar), "array", "object"), "description": "Times are texts such as 2024-03-01 14:30:00.000, in UTC"}))}),
		"SQLFault": object(obj{"error": text("What is wrong, and what would be right"), "line": place, "column": place}, "line", "column"),
	}
}
