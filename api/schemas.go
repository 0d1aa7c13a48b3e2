package api

import (
	"maps"

	"footfall/event"
	"footfall/metric"
)

// schemas are those of the OpenAPI document, in JSON Schema 2020-12.
func schemas() obj {
	value := obj{"type": []string{"number", "null"}, "description": "Exact, in the unit that is told; null is a rate of nothing"}
	figures := obj{"dataset": listOf(object(obj{"series": text(""), "timestamp": text("RFC 3339"), "value": value})), "unit": text("A currency (ISO 4217), % or s"), "source": text("What knew the figures"),
		"as_of": text("Everything received before is counted"), "sealed": text("When the stored bins were brought up to date"), "estimate": obj{"type": "boolean", "description": "Distinct visitors are estimated, to about 1 %"}, "experiments": experimentSchema()}
	one := map[string]any{"metric": enum(metric.Names...), "window": text("As it was asked for")}
	for name, schema := range figures {
		one[name] = schema
	}
	optional := []string{"unit", "sealed", "estimate", "experiments"}
	all := obj{
		"Error": object(obj{"error": text("What is wrong, and what would be right")}), "Stream": text("Server-sent events; see LiveEvent"),
		"EventLine": eventSchema(),
		"Figures":   object(figures, optional...),
		"LiveEvent": object(obj{"figures": listOf(object(one, append(optional, "window")...)), "earnings": obj{"type": "object"}, "server": obj{"type": "object"}}, "earnings", "server"),
		"Daily":     object(obj{"site": text(""), "days": listOf(object(obj{"date": text(""), "page": text(""), "views": obj{"type": "integer"}, "visitors": obj{"type": "integer"}, "estimate": obj{"type": "boolean"}}, "estimate"))}),
	}
	for name, schema := range questionSchemas() {
		all[name] = schema
	}
	for name, schema := range goalSchemas(value) {
		all[name] = schema
	}
	for name, schema := range tableSchemas(value) {
		all[name] = schema
	}
	maps.Copy(all, visitSchemas())
	maps.Copy(all, noteSchemas())
	maps.Copy(all, deleteSchemas())
	maps.Copy(all, eraseSchemas())
	maps.Copy(all, sqlSchemas())
	return all
}

// eventSchema describes a line of an export.
func eventSchema() obj {
	fields := obj{}
	for _, name := range event.Fields() {
		switch name {
		case "skew_ms":
			fields[name] = obj{"type": "integer"}
		case "properties", "traits", "context":
			fields[name] = obj{"type": "object"}
		default:
			fields[name] = text("")
		}
	}
	return obj{"type": "object", "properties": fields, "required": []string{"messageId", "site", "type", "timestamp", "receivedAt"}, "additionalProperties": false, "description": "An event; what is empty is left out"}
}

// pair is a list of two.
func pair(first, second any) obj {
	return obj{"type": "array", "prefixItems": []any{first, second}, "minItems": 2, "maxItems": 2}
}

// questionSchemas describe what POST /v1/query takes.
func questionSchemas() obj {
	ownMetrics, otherMetrics := MetricNames()
	ownDimensions, otherDimensions := DimensionNames()
	dimension := obj{"anyOf": []any{enum(append(ownDimensions, otherDimensions...)...), obj{"type": "string", "pattern": "^(property|event:props|arm):.+"}}}
	between := pair(text("The first day, or an RFC 3339 instant"), text("The last one, which is included; of an instant its second"))
	list := func(word ...string) obj { return pair(enum(word...), listOf(ref("Condition"))) }
	return obj{
		"Metric": enum(append(ownMetrics, otherMetrics...)...), "Dimension": dimension, "ByDimension": obj{"anyOf": []any{enum(metric.Dimensions...), obj{"type": "string", "pattern": "^(property|arm):.+"}}}, "TimeDimension": enum(TimeNames()...), "Between": between,
		"Range": obj{"anyOf": []any{enum(RangeNames()...), obj{"type": "string", "pattern": "^[1-9][0-9]{0,3}(d|mo)$", "description": "Days or months up to today"}, ref("Between")}},
		"Condition": obj{"anyOf": []any{
			obj{"type": "array", "prefixItems": []any{enum(comparisonNames()...), ref("Dimension"), listOf(obj{"type": "string"}), object(obj{"case_sensitive": obj{"type": "boolean"}}, "case_sensitive")}, "minItems": 3, "maxItems": 4},
			list(opAll, opAny), pair(enum(opNot, opDone, opNotDone), ref("Condition"))}},
		"Question": object(obj{
			"site_id": text("Id or domain; needed if the key sees several"), "metrics": obj{"type": "array", "items": ref("Metric"), "minItems": 1, "maxItems": metric.MaxMetrics}, "date_range": ref("Range"),
			"dimensions": obj{"type": "array", "items": obj{"anyOf": []any{ref("Dimension"), ref("TimeDimension")}}, "maxItems": metric.MaxBy + 1}, "filters": obj{"type": "array", "items": ref("Condition"), "maxItems": metric.MaxConditions, "description": "All of them hold"},
			"order_by": obj{"type": "array", "items": pair(obj{"anyOf": []any{ref("Metric"), ref("Dimension"), ref("TimeDimension")}}, enum("asc", "desc")), "maxItems": metric.MaxOrder},
			"include": object(obj{"imports": obj{"type": "boolean", "description": "Ignored, with a warning"}, "time_labels": obj{"type": "boolean"}, "total_rows": obj{"type": "boolean"},
				"compare": obj{"anyOf": []any{enum(comparisons...), ref("Between")}}}, includeFields...),
			"pagination": object(obj{"limit": obj{"type": "integer", "minimum": 1, "maximum": metric.MaxRows}, "offset": obj{"type": "integer", "minimum": 0, "maximum": metric.MaxOffset}}, pageFields...),
			"timezone":   text("Such as Europe/Berlin; the site's, if it is left out"), "bots": obj{"type": "boolean", "description": "Count bots, too"},
		}, "site_id", "dimensions", "filters", "order_by", "include", "pagination", "timezone", "bots"),
	}
}

// tableSchemas describe what POST /v1/query answers.
func tableSchemas(value obj) obj {
	values, names := listOf(value), listOf(obj{"type": "string"})
	return obj{
		"Row": object(obj{"metrics": values, "dimensions": names, "partial": obj{"type": "boolean", "description": "The step is not over"},
			"comparison": object(obj{"metrics": values, "dimensions": names, "change": listOf(obj{"type": []string{"number", "null"}, "description": "In per cent"})})}, "partial", "comparison"),
		"Meta": object(obj{"units": obj{"type": "object", "additionalProperties": text("A currency (ISO 4217), % or s"), "description": "Of the metrics that have one"}, "source": text(""), "as_of": text("Everything received before is counted"), "sealed": text(""),
			"estimate": obj{"type": "boolean"}, "time_labels": names, "total_rows": obj{"type": "integer"}, "warnings": names, "experiments": experimentSchema()}, "sealed", "time_labels", "total_rows", "warnings", "experiments"),
		"Table": object(obj{"results": listOf(ref("Row")), "meta": ref("Meta"), "query": ref("Question")}),
	}
}
