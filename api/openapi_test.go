package api

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"footfall/account"
	"footfall/metric"
	"footfall/period"
)

// document is the OpenAPI document.
type document map[string]any

func readDocument(t *testing.T) (d document) {
	t.Helper()
	if err := json.Unmarshal(OpenAPI(), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// at is the value below some names.
func (d document) at(names ...string) any {
	var value any = map[string]any(d)
	for _, name := range names {
		fields, _ := value.(map[string]any)
		value = fields[name]
	}
	return value
}

// faults are where a value is not what a schema says: of what this document uses of
// JSON Schema. A word that it does not know is a fault.
func (d document) faults(at string, schema, value any) (all []string) {
	wrong := func(format string, args ...any) { all = append(all, at+": "+fmt.Sprintf(format, args...)) }
	s := schema.(map[string]any)
	list, isList := value.([]any)
	fields, isObject := value.(map[string]any)
	words, isText := value.(string)
	n, isNumber := value.(float64)
	for word, is := range s {
		switch word {
		case "description", "format", "properties":
		case "$ref":
			target := d.at(strings.Split(strings.TrimPrefix(is.(string), "#/"), "/")...)
			if target == nil {
				return append(all, at+": nothing is at "+is.(string))
			}
			all = append(all, d.faults(at, target, value)...)
		case "type":
			kinds := map[string]bool{"array": isList, "object": isObject, "string": isText, "number": isNumber, "integer": isNumber && n == math.Trunc(n), "null": value == nil, "boolean": value == true || value == false}
			names, several := is.([]any)
			if !several {
				names = []any{is}
			}
			if !slices.ContainsFunc(names, func(name any) bool { return kinds[name.(string)] }) {
				wrong("%v is no %v", value, is)
			}
		case "enum":
			if !slices.Contains(is.([]any), value) {
				wrong("%v is none of %v", value, is)
			}
		case "pattern":
			if !isText || !regexp.MustCompile(is.(string)).MatchString(words) {
				wrong("%v is not %v", value, is)
			}
		case "anyOf":
			if !slices.ContainsFunc(is.([]any), func(one any) bool { return len(d.faults(at, one, value)) == 0 }) {
				wrong("%v is none of what it may be", value)
			}
		case "minimum", "maximum", "minItems", "maxItems":
			if beyond(word, is.(float64), n, len(list)) {
				wrong("%v is beyond %s %v", value, word, is)
			}
		case "items", "prefixItems":
			all = append(all, d.within(at, is, list)...)
		case "required":
			for _, name := range is.([]any) {
				if _, ok := fields[name.(string)]; !ok {
					wrong("%s is missing", name)
				}
			}
		case "additionalProperties":
			all = append(all, d.besides(at, s, is, fields)...)
		default:
			wrong("this test does not know %s", word)
		}
	}
	return all
}

// beyond reports whether a number, or how long a list is, is beyond a bound.
func beyond(word string, bound, n float64, length int) bool {
	if strings.HasSuffix(word, "Items") {
		n = float64(length)
	}
	return strings.HasPrefix(word, "min") && n < bound || strings.HasPrefix(word, "max") && n > bound
}

// within are the faults of a list's values, by the schema of all or those of the first.
func (d document) within(at string, schema any, list []any) (all []string) {
	each, several := schema.([]any)
	for i, value := range list {
		of := schema
		if several && i < len(each) {
			of = each[i]
		}
		if !several || i < len(each) {
			all = append(all, d.faults(fmt.Sprint(at, "[", i, "]"), of, value)...)
		}
	}
	return all
}

// besides are the faults of an object's fields.
func (d document) besides(at string, schema map[string]any, others any, fields map[string]any) (all []string) {
	known, _ := schema["properties"].(map[string]any)
	for name, value := range fields {
		of := known[name]
		if of == nil {
			if of = others; others == false {
				all = append(all, at+": there is no "+name)
				continue
			}
		}
		all = append(all, d.faults(at+"."+name, of, value)...)
	}
	return all
}

// check reports what is wrong with a JSON text by a schema's name.
func (d document) check(t *testing.T, about, schema, text string) {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Errorf("%s: %.200s is no JSON: %v", about, text, err)
		return
	}
	for _, fault := range d.faults(schema, map[string]any{"$ref": "#/components/schemas/" + schema}, value) {
		t.Errorf("%s: %s", about, fault)
	}
}

// TestOpenAPIHasEveryRoute: the routes below /v1 that read figures or
// change goals, funnels and notes, and no other.
func TestOpenAPIHasEveryRoute(t *testing.T) {
	d := readDocument(t)
	var want, got []string
	for _, r := range account.Routes {
		if strings.HasPrefix(r.Pattern, "/v1/") && (r.Action == account.ReadFigures || r.Pattern == exportPattern) || strings.HasPrefix(r.Pattern, "/v1/goals") || strings.HasPrefix(r.Pattern, "/v1/funnels") || strings.HasPrefix(r.Pattern, "/v1/notes") || r.Pattern == "/v1/events/delete" || r.Pattern == "/v1/persons/erase" || r.Pattern == "/v1/sql" {
			want = append(want, strings.ToLower(r.Method)+" "+r.Pattern)
		}
	}
	for path, methods := range d.at("paths").(map[string]any) {
		for method := range methods.(map[string]any) {
			got = append(got, method+" "+path)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if len(want) < 4 || !slices.Equal(want, got) {
		t.Errorf("the document has %v, the table %v", got, want)
	}
}

// TestOpenAPIExamples: each example is answered, and question and answer are what the
// document says.
func TestOpenAPIExamples(t *testing.T) {
	f, _ := startReports(t)
	d := readDocument(t)
	_, served, h := f.do(t, "GET", "/openapi.json", "", "")
	if served != string(OpenAPI()) || !strings.HasPrefix(h.Get("Content-Type"), "application/json") || h.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("served with %v: %.100s", h, served)
	}
	examples := d.at("paths", "/v1/query", "post", "requestBody", "content", "application/json", "examples").(map[string]any)
	if len(examples) < 4 {
		t.Errorf("%d examples", len(examples))
	}
	for name, of := range examples {
		body, _ := json.Marshal(of.(map[string]any)["value"])
		d.check(t, name, "Question", string(body))
		status, answer := f.post(t, f.bound, string(body))
		if status != 200 {
			t.Errorf("%s: %d %s", name, status, answer)
		}
		d.check(t, name, "Table", answer)
	}
	v := url.Values{}
	for _, p := range d.at("paths", "/v1/query", "get", "parameters").([]any) {
		if p := p.(map[string]any); p["example"] != nil {
			v.Set(p["name"].(string), fmt.Sprint(p["example"]))
		}
	}
	for _, more := range []string{"", "&by=page&step=day", "&step=total"} {
		status, answer, _ := f.do(t, "GET", "/v1/query?"+v.Encode()+more, f.bound, "")
		if status != 200 {
			t.Errorf("GET with %v: %d %s", v, status, answer)
		}
		d.check(t, "GET", "Figures", answer)
	}
	for token, want := range map[string]int{f.bound: 400, "": 401} {
		status, answer := f.post(t, token, `{}`)
		if d.check(t, "a fault", "Error", answer); status != want || d.at("paths", "/v1/query", "post", "responses", fmt.Sprint(status)) == nil {
			t.Errorf("%d %s", status, answer)
		}
	}
}

// TestOpenAPIKnowsWhatIsTaken: every name of the catalogue is in the document, is taken,
// and is answered as it says.
func TestOpenAPIKnowsWhatIsTaken(t *testing.T) {
	f, _ := startReports(t)
	d := readDocument(t)
	names := func(of ...string) (all []string) {
		for _, name := range d.at(append([]string{"components", "schemas"}, of...)...).([]any) {
			all = append(all, name.(string))
		}
		return all
	}
	dimensions := d.at("components", "schemas", "Dimension", "anyOf").([]any)[0].(map[string]any)["enum"].([]any)
	metrics, ranges := names("Metric", "enum"), d.at("components", "schemas", "Range", "anyOf").([]any)[0].(map[string]any)["enum"].([]any)
	for _, m := range metric.Names {
		if !slices.Contains(metrics, string(m)) {
			t.Errorf("the document has no %s", m)
		}
	}
	ask := func(body string) {
		t.Helper()
		d.check(t, body, "Question", body)
		if status, answer := f.post(t, f.bound, body); status != 200 {
			t.Errorf("%s: %d %s", body, status, answer)
		} else {
			d.check(t, body, "Table", answer)
		}
	}
	for _, m := range metrics {
		ask(`{"metrics":["` + m + `"],"date_range":"7d"}`)
	}
	for _, r := range ranges {
		ask(`{"metrics":["visitors"],"date_range":"` + r.(string) + `"}`)
	}
	for _, by := range append(dimensions, "property:a", "event:props:a", "arm:a") {
		body := fmt.Sprintf(`{"metrics":["visitors"],"date_range":"7d","dimensions":[%q],"filters":[["not",["or",[["is_not",%[1]q,["x"],{"case_sensitive":true}],["matches",%[1]q,["x"]]]]]],"order_by":[[%[1]q,"asc"]]}`, by)
		status, answer := f.post(t, f.bound, body)
		if d.check(t, body, "Question", body); status != 200 && !strings.Contains(answer, "can't be told by") && !strings.Contains(answer, "no product or category") {
			t.Errorf("%s: %d %s", body, status, answer)
		}
	}
	for _, step := range names("TimeDimension", "enum") {
		ask(`{"metrics":["visitors"],"date_range":"day","dimensions":["` + step + `"],"include":{"time_labels":true,"compare":"previous_period"}}`)
	}
	if len(metrics) < 40 || len(dimensions) < 60 || slices.Sorted(maps.Keys(d))[0] != "components" {
		t.Errorf("%d metrics, %d dimensions", len(metrics), len(dimensions))
	}
}

// TestSchemasRefuse: the document's schemas are not so wide that everything fits.
func TestSchemasRefuse(t *testing.T) {
	d := readDocument(t)
	for _, x := range [][2]string{{"Question", `{"metrics":[],"date_range":"7d"}`}, {"Question", `{"metrics":["visitors"]}`}, {"Question", `{"metrics":["likes"],"date_range":"7d"}`}, {"Question", `{"metrics":["visitors"],"date_range":"0d"}`}, {"Question", `{"metrics":["visitors"],"date_range":"7d","colour":1}`},
		{"Question", `{"metrics":["visitors"],"date_range":"7d","filters":[["is","page","/"]]}`}, {"Question", `{"metrics":["visitors"],"date_range":["2024-01-01"]}`}, {"Table", `{"results":[{"metrics":["1"],"dimensions":[]}],"meta":{},"query":{}}`}, {"Figures", `{}`}} {
		var value any
		if err := json.Unmarshal([]byte(x[1]), &value); err != nil || len(d.faults("", map[string]any{"$ref": "#/components/schemas/" + x[0]}, value)) == 0 {
			t.Errorf("%s is a %s, %v", x[1], x[0], err)
		}
	}
}

// TestOpenAPIOfStreams: what a stream and the daily table tell is what the document says.
func TestOpenAPIOfStreams(t *testing.T) {
	d := readDocument(t)
	text, err := json.Marshal(map[string]any{"figures": []any{LiveFigure{Metric: "EPC", Window: "Today", Answer: Spell(metric.Query{Metric: "EPC", Site: "a"}, metric.Dataset{AsOf: now, Sealed: now, Estimate: true, Points: []metric.Point{{None: true}}}, []account.Site{{ID: "a", Currency: "EUR"}})}}})
	if err != nil {
		t.Fatal(err)
	}
	d.check(t, "a stream", "LiveEvent", string(text))
	f := start(t)
	f.Config.Handler = New(f.source, f.memory, f.memory, Options{Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }, Daily: &table{lines: []metric.PageDay{{Date: period.DateOf(now, nil), Page: "/", Views: 5, Visitors: 3, Estimate: true}}}})
	status, answer, _ := f.do(t, "GET", "/v1/daily?from=2024-03-01", f.bound, "")
	if status != 200 {
		t.Errorf("%d %s", status, answer)
	}
	d.check(t, "the daily table", "Daily", answer)
}

// TestQuestionsOfTheDocs: each question that the guide shows is answered.
func TestQuestionsOfTheDocs(t *testing.T) {
	f, _ := startReports(t)
	guide, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile(`(?s)/v1/query -d '(\{.*?\})'`).FindAllStringSubmatch(string(guide), -1)
	for _, body := range shown {
		if status, answer := f.post(t, f.bound, strings.ReplaceAll(body[1], `"example.com"`, `"a.example"`)); status != 200 {
			t.Errorf("%s: %d %s", body[1], status, answer)
		}
	}
	for _, name := range metricSpellings {
		if !slices.Contains(metric.Names, name) {
			t.Errorf("%s is no metric", name)
		}
	}
	for name := range metricSpellings {
		if !strings.Contains(string(guide), "`"+name+"`") {
			t.Errorf("the guide does not tell of %s", name)
		}
	}
	if len(shown) < 3 {
		t.Errorf("the guide shows %d questions", len(shown))
	}
}
