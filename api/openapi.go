package api

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"footfall/metric"
	"footfall/period"
)

// obj is an object of the OpenAPI document.
type obj = map[string]any

// OpenAPI is the OpenAPI 3.1 description of the routes that read figures, as JSON.
// Its names are those of the catalogue and of what reads questions.
var OpenAPI = sync.OnceValue(func() []byte {
	routes := paths()
	maps.Copy(routes, visitPaths())
	maps.Copy(routes, deletePaths())
	maps.Copy(routes, erasePaths())
	maps.Copy(routes, sqlPaths())
	text, err := json.MarshalIndent(obj{
		"openapi": "3.1.0",
		"info": obj{"title": "Footfall", "version": "1", "license": obj{"name": "Apache-2.0", "identifier": "Apache-2.0"},
			"description": "Figures of Footfall by HTTP. Every route takes a key (footfall key add --site SITE --scope read; one with the scope admin to change goals, funnels and notes) as a bearer token, and tells what that key may see."},
		"security":   []any{obj{"key": []any{}}},
		"paths":      routes,
		"components": obj{"securitySchemes": obj{"key": obj{"type": "http", "scheme": "bearer"}}, "schemas": schemas()},
	}, "", "\t")
	if err != nil {
		panic(err) // of what stands in this file
	}
	return text
})

// describe is GET /openapi.json.
func describe(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(OpenAPI()) // else the client is gone
}

func ref(name string) obj { return obj{"$ref": "#/components/schemas/" + name} }

func text(description string) obj { return obj{"type": "string", "description": description} }

func listOf(of any) obj { return obj{"type": "array", "items": of} }

func enum[T ~string](of ...T) obj { return obj{"type": "string", "enum": of} }

// object describes one with some fields, all of them required but the optional ones.
func object(fields obj, optional ...string) obj {
	required := []string{}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if !slices.Contains(optional, name) {
			required = append(required, name)
		}
	}
	return obj{"type": "object", "properties": fields, "required": required, "additionalProperties": false}
}

// answers are the responses of a route.
func answers(media, schema string) obj {
	fault := func(why string) obj {
		return obj{"description": why, "content": obj{"application/json": obj{"schema": ref("Error")}}}
	}
	return obj{
		"200": obj{"description": "The figures.", "content": obj{media: obj{"schema": ref(schema)}}},
		"400": fault("The question is wrong; the text says where, and what would be right."), "401": fault("No key, or an unknown one."),
		"403": fault("The key may not do this."), "503": fault("No answer in time: try again after Retry-After, in seconds."),
	}
}

func paths() obj {
	query := obj{"get": obj{"operationId": "figures", "summary": "One metric, by steps of time and by one dimension", "parameters": figureParameters(), "responses": answers("application/json", "Figures")},
		"post": posted("report", "Several metrics, by any dimensions", "Question", "Table", questionExamples())}
	query["post"].(obj)["parameters"] = []any{parameter("format", obj{"type": "string", "enum": []string{"json", "csv", "ndjson", "parquet", "arrow"}, "description": "Other than json, also by an Accept header with its media type: the rows alone, a column for each dimension and metric"})}
	live := append(figureParameters(), parameter("token", text("A token for embedding, or a share's, of who can't send a header")), parameter("earnings", obj{"type": "boolean"}), parameter("server", obj{"type": "boolean", "description": "What the server does, for its own page: by a browser's session, with a role on every site"}), parameter("language", text("Of what the server does, such as de")))
	live[slices.IndexFunc(live, func(p any) bool { return p.(obj)["name"] == "metric" })] = example(parameter("metric", text("Up to 12, with commas between; each may have a window of its own: PageViews@Today")), "PageViews@Today")
	all := goalPaths()
	maps.Copy(all, notePaths())
	daily := []any{parameter("site", text("Id or domain")), example(parameter("from", obj{"type": "string", "format": "date"}), "2024-03-01"), parameter("to", obj{"type": "string", "format": "date", "description": "Not included"}), parameter("format", enum("json", "csv", "ndjson", "parquet", "arrow"))}
	for path, routes := range (obj{
		"/v1/query": query,
		"/v1/live": obj{"get": obj{"operationId": "live", "summary": "Figures as they change, as server-sent events", "parameters": live, "responses": answers("text/event-stream", "Stream"),
			"description": "Each event's data is a LiveEvent. With earnings=true, affiliate names whose."}},
		"/v1/export": obj{"get": obj{"operationId": "export", "summary": "A site's events one by one, by their time", "parameters": exportParameters(), "responses": exportAnswers()}},
		"/v1/daily":  obj{"get": obj{"operationId": "daily", "summary": "What each page got a day", "parameters": daily, "responses": answers("application/json", "Daily")}},
	}) {
		all[path] = routes
	}
	return all
}

// exportParameters are those of ParseExport.
func exportParameters() []any {
	day := obj{"type": "string", "format": "date"}
	return []any{parameter("site", text("Id or domain; needed if the key sees several")), example(parameter("from", day), "2024-03-01"),
		parameter("to", obj{"type": "string", "format": "date", "description": "Not included; without both, all there is"}), example(parameter("format", enum(slices.Sorted(maps.Keys(exportTypes))...)), "ndjson")}
}

// exportAnswers are files: what breaks off while it is read is not whole.
func exportAnswers() obj {
	all := answers("application/x-ndjson", "EventLine")
	ok := all["200"].(obj)
	ok["description"] = "The events. A transfer that breaks off is not whole."
	for format, schema := range map[string]obj{"csv": text("The same fields as columns, named in the first line"), "parquet": obj{"type": "string", "format": "binary"}, "arrow": obj{"type": "string", "format": "binary"}} {
		media, _, _ := strings.Cut(exportTypes[format], ";")
		ok["content"].(obj)[media] = obj{"schema": schema}
	}
	return all
}

func parameter(name string, schema obj) obj {
	return obj{"name": name, "in": "query", "schema": schema}
}

func example(parameter obj, value any) obj { parameter["example"] = value; return parameter }

// figureParameters are those of ParseQuery.
func figureParameters() (all []any) {
	schemas := map[string]obj{
		"site": text("Id or domain; needed if the key sees several. Metrics of affiliate programmes may have several, with commas between"), "metric": enum(metric.Names...), "window": enum(period.WindowNames()...),
		"from": text("A day or an RFC 3339 instant"), "to": text("Not included; without it, up to the end of today"), "step": enum(period.Steps...), "by": ref("ByDimension"),
		"limit": obj{"type": "integer", "minimum": 0, "description": "Most series; 0 is all"}, "timezone": text("Such as Europe/Berlin; the site's, if it is left out"), "bots": obj{"type": "boolean"},
	}
	examples := map[string]any{"metric": "PageViews", "window": "Last7Days"}
	for _, name := range Parameters {
		p := parameter(name, schemas[name])
		if name == "metric" {
			p["required"] = true
		}
		if value := examples[name]; value != nil {
			example(p, value)
		}
		all = append(all, p)
	}
	for _, d := range metric.Dimensions {
		all = append(all, parameter(string(d), text("Only where it is this")))
	}
	return all
}

// questionExamples are bodies of POST /v1/query.
func questionExamples() obj {
	value := func(summary string, value obj) obj { return obj{"summary": summary, "value": value} }
	return obj{
		"pages": value("The pages of a country in a month, beside the month before", obj{"metrics": []any{"visitors", "pageviews", "bounce_rate"}, "date_range": []any{"2024-01-01", "2024-01-31"}, "dimensions": []any{"event:page"},
			"filters": []any{[]any{"is", "visit:country", []any{"DE", "AT"}}}, "order_by": []any{[]any{"visitors", "desc"}}, "include": obj{"compare": "previous_period", "total_rows": true}, "pagination": obj{"limit": 20}}),
		"days":    value("Two figures a day", obj{"metrics": []any{"visitors", "visits"}, "date_range": "7d", "dimensions": []any{"time:day"}, "include": obj{"time_labels": true}}),
		"now":     value("Who is there now", obj{"metrics": []any{"visitors"}, "date_range": "realtime"}),
		"minutes": value("The last half hour by minutes", obj{"metrics": []any{"visitors", "pageviews"}, "date_range": "30m", "dimensions": []any{"time:minute"}}),
		"buyers": value("Where those came from who have bought", obj{"metrics": []any{"visitors"}, "date_range": "30d", "dimensions": []any{"visit:source", "visit:channel"},
			"filters": []any{[]any{"and", []any{[]any{"has_done", []any{"is", "event", []any{"Order Completed"}}}, []any{"not", []any{"contains", "event:page", []any{"/admin"}}}}}}}),
	}
}
