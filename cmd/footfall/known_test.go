package main

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"footfall/api"
)

var (
	knownSource = regexp.MustCompile(`<dt>Counted</dt><dd>from ([^<]*): (exact|an estimate)`)
	knownCurl   = regexp.MustCompile(`-d '([^']*)' '[^']*(/v1/[a-z]+)'`)
)

// sourceWords is the first word of a source on pages, by its name at the API.
var sourceWords = map[string]string{"bins": "bins,", "hot": "hot buckets", "events": "the events themselves"}

// knownIn is the part of a page that tells how its figures are known.
func knownIn(page, id string) string {
	_, rest, _ := strings.Cut(page, `id="known-`+id)
	part, _, _ := strings.Cut(rest, "</details>")
	return part
}

// TestHowDoYouKnow: every list of the board, its details, and goals, funnels, retention and
// journeys tell where their figures are from, and questions which the API answers with
// just these figures.
func TestHowDoYouKnow(t *testing.T) {
	l := newListed(t, "Thanks, that's it")
	for _, filters := range []string{"", "country=DE", "page.contains=/a&device.is_not=phone", "event=Signed+Up"} {
		some := 0
		for _, tabs := range []string{"", "tab=entry_page&tab=class&tab=os&tab=utm_source&tab=goal&", "tab=exit_page&tab=downloads&tab=category&"} {
			for _, section := range strings.Split(l.page(tabs+filters), `<section class="card list`)[1:] {
				some += l.known(filters, section)
			}
		}
		if some < 40 {
			t.Errorf("with %q the lists have %d rows in all", filters, some)
		}
		for _, name := range []string{"page", "source", "goal", "product"} {
			l.knownTable(name, filters)
		}
	}
	for id, page := range map[string]string{"goals": "/goals?", "goals ": "/goals/Thanks,%20that's%20it?", "funnel": "/funnels?kind=page&what=/&kind=goal&what=Thanks,+that's+it&within=1h&",
		"retention": "/retention?cohorts=day&reached=Thanks,+that's+it&", "journey": "/journeys?at=/a&"} {
		l.knownPage(strings.TrimSpace(id), page)
	}
}

// asked asks the question of evidence, which must be just one, of the API.
func (l *listed) asked(at, part string, into any) {
	l.t.Helper()
	all := knownCurl.FindAllStringSubmatch(part, -1)
	if len(all) != 1 {
		l.t.Fatalf("%s: %d questions: %s", at, len(all), part)
	}
	l.post(l.t, l.handler, l.key, all[0][2], all[0][1], into)
}

// told compares the source that evidence names with that of an answer.
func (l *listed) told(at, part, source string) {
	l.t.Helper()
	m := knownSource.FindStringSubmatch(part)
	if m == nil || !strings.Contains(part, "<dt>As of</dt>") {
		l.t.Fatalf("%s tells no source or time: %s", at, part)
	}
	for name := range strings.SplitSeq(source, "+") {
		if !strings.Contains(m[1], sourceWords[name]) {
			l.t.Errorf("%s is told to be from %q, and by the API is from %s", at, m[1], source)
		}
	}
}

// known compares the rows of a box with the answer to its question, and tells how many
// there are.
func (l *listed) known(filters, section string) int {
	l.t.Helper()
	part := knownIn(section, "list-")
	at := part[strings.Index(part, `<h2>`):][:60] + " with " + filters
	var out api.Table
	l.asked(at, part, &out)
	var got, want []string
	for _, row := range slices.Concat(shortRow.FindAllStringSubmatch(section, -1), wideRow.FindAllStringSubmatch(section, -1)) {
		got = append(got, strings.ReplaceAll(row[len(row)-1], ",", ""))
	}
	for _, row := range out.Results {
		want = append(want, row.Metrics[0].String())
	}
	if strings.Contains(section, `<tbody>`) { // money has all its decimals there
		got, want = make([]string, len(got)), make([]string, len(want))
	}
	if !slices.Equal(got, want) {
		l.t.Errorf("%s: the list has %v, the API %v", at, got, want)
	}
	l.told(at, part, out.Meta.Source)
	return len(got)
}

// knownTable compares a list's details with the answer to their question.
func (l *listed) knownTable(name, filters string) {
	l.t.Helper()
	page := l.page("detail=" + name + "&order=" + name + "+desc&" + filters)
	var out api.Table
	part := knownIn(page, "list-")
	l.asked(name, part, &out)
	rows := wideRow.FindAllStringSubmatch(page, -1)
	if len(rows) != len(out.Results) {
		l.t.Errorf("%s with %s: %d rows in the details, %d by the API", name, filters, len(rows), len(out.Results))
	}
	for i, row := range out.Results[:min(len(rows), len(out.Results))] {
		if want := row.Metrics[0].String(); name != "product" && strings.ReplaceAll(rows[i][1], ",", "") != want {
			l.t.Errorf("%s with %s: row %d has %s, by the API %s", name, filters, i, rows[i][1], want)
		}
	}
	l.told(name, part, out.Meta.Source)
}

// knownPage compares a page's source with that of the answers to its questions, and looks
// for their figures in it.
func (l *listed) knownPage(id, path string) {
	l.t.Helper()
	page := l.at(path + "from=2026-05-01&to=2026-05-04&country=DE&country=IE")
	part := knownIn(page, id)
	all := knownCurl.FindAllStringSubmatch(part, -1)
	if len(all) == 0 {
		l.t.Fatalf("%s has no question: %s", path, part)
	}
	rest := strings.Replace(page, part, "", 1)
	for _, one := range all {
		var out struct {
			Results []struct {
				Visitors int64
				Metrics  []json.Number
			}
			Cohorts []struct{ Size int64 }
			Views   int64
			Meta    struct{ Source string }
		}
		l.post(l.t, l.handler, l.key, one[2], one[1], &out)
		l.told(path, part, out.Meta.Source)
		figures := []int64{}
		for _, r := range out.Results {
			if figures = append(figures, r.Visitors); len(r.Metrics) > 0 {
				figures[len(figures)-1], _ = r.Metrics[0].Int64()
			}
		}
		for _, c := range out.Cohorts {
			figures = append(figures, c.Size)
		}
		if out.Views > 0 {
			figures = append(figures, out.Views)
		}
		if id != "retention" && (len(figures) == 0 || slices.Max(figures) == 0) { // nobody here has an id that lasts
			l.t.Errorf("%s: no figures by %s", path, one[1])
		}
		for _, n := range figures {
			if text, _ := json.Marshal(n); n > 0 && !regexp.MustCompile(`>(<span>)?`+string(text)+`[ <]`).MatchString(rest) {
				l.t.Errorf("%s lacks %s, which the API tells by %s", path, text, one[1])
			}
		}
	}
}
