package language_test

import (
	"html/template"
	"strings"
	"testing"
	"time"

	"footfall/language"
)

var german = language.Of("de")

func TestSay(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{german.Say("Visitors"), "Besucher"},
		{german.Say("{n} days", 1), "1 Tag"},
		{german.Say("{n} days", 12000), "12.000 Tage"},
		{german.Say("{n} of {all}", int64(3), uint64(4000)), "3 von 4.000"},
		{german.Say("{amount} {currency} each", "2,50", "EUR"), "je 2,50 EUR"},
		{german.Say("a text of no page"), "a text of no page"},
		{(*language.Language)(nil).Say("{n} days", 1), "1 day"},
		{(*language.Language)(nil).Say("{n} days", 0), "0 days"},
		{(*language.Language)(nil).Say("{when}: {n} of {all}, {share}", "{n}", 1, 2, "50%"), "{n}: 1 of 2, 50%"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestNumbersAndDates(t *testing.T) {
	day := time.Date(2026, 3, 1, 9, 5, 0, 0, time.UTC)
	english := language.Of("en")
	for _, c := range []struct{ got, want string }{
		{english.Number("-1234567.50"), "−1,234,567.50"}, {german.Number("-1234567.50"), "−1.234.567,50"},
		{german.Number("12"), "12"}, {german.Number("123"), "123"}, {german.Number("1234"), "1.234"}, {german.Number("90071992547409931234.01"), "90.071.992.547.409.931.234,01"},
		{english.Percent("12.5"), "12.5%"}, {german.Percent("12.5"), "12,5\u00a0%"},
		{english.Date(day, "Mon 2 January, 15:04"), "Sun 1 March, 09:05"}, {german.Date(day, "Mon 2 January, 15:04"), "So, 1. März, 09:05"},
		{german.Date(day, "Jan 2006"), "März 2026"}, {german.Date(day.AddDate(0, 2, 0), "2 Jan"), "1. Mai"},
		{german.Country("DE"), "Deutschland"}, {german.Country("?"), ""}, {english.Country("DE"), ""},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestWanted(t *testing.T) {
	for accept, tag := range map[string]string{"": "en", "de": "de", "de-AT,de;q=0.9,en;q=0.8": "de", "fr,en;q=0.5": "en", "fr": "en", "en-GB,de;q=0.9": "en", "gsw,de;q=0.5": "de", "\x00;;": "en", "xx-nonsense": "en"} {
		if l := language.Wanted(accept); l.Tag != tag {
			t.Errorf("of %q: %s, want %s", accept, l.Tag, tag)
		}
	}
}

// TestTexts: what of a template is one text, and what none.
func TestTexts(t *testing.T) {
	for source, want := range map[string]string{
		`<p>It is <b class="x">on</b>: {{.Left}} codes are left.</p><p>{{.Value}}</p>`:                                "It is <b>on</b>: {.Left} codes are left.",
		`<a href="/">Here</a>{{range .All}}<a href="{{.}}">{{.}}</a>{{end}}`:                                          "Here",
		`<td>{{if .On}}on{{else}}off{{end}}</td>`:                                                                     "on|off",
		"<p>One\n  two{{with .X}} <a href=\"{{.}}\">three</a>{{end}}.</p>":                                            "One two{with .X} <a>three</a>{end}.",
		`<p><a href="1">a</a> or <a href="2">b</a> or <a href="1">c</a></p>`:                                          "<a>a</a> or <a2>b</a2> or <a>c</a>",
		`<input placeholder="Type{{if .T}}, or tick{{end}}" value="no text" {{if .X}}title="t {{or .A "b"}}"{{end}}>`: "Type{if .T}, or tick{end}|t {or .A \"b\"}",
		`<pre>no text</pre><code>none</code><script>none</script>{{/* none */}}<!doctype html>&nbsp;· 12`:             "",
		`<p>Type <code>none {{.X}}</code></p>`:                                                                        "Type <code>none {.X}</code>",
		`{{template "top" ($.Top (say "Keys"))}}`:                                                                     "Keys",
		`{{if .A}}<a href="1">{{else}}<span>{{end}}text{{if .A}}</a>{{else}}</span>{{end}}`:                           "text",
	} {
		var got []string
		for _, key := range language.Texts(source) {
			got = append(got, string(key))
		}
		if strings.Join(got, "|") != want {
			t.Errorf("%s: %q, want %q", source, strings.Join(got, "|"), want)
		}
		if same := language.Of("en").Page(source); same != source {
			t.Errorf("in English %s is %s", source, same)
		}
	}
}

func TestPage(t *testing.T) {
	const source = `<p title="Visitors">{{.Keep}} days, then they are removed</p><p>This is you. Your own role another owner changes; your password and second factor are under <a class="under" href="/account">You</a>.</p>`
	page, err := template.New("").Funcs(template.FuncMap{"plural": german.Plural}).Parse(german.Page(source))
	if err != nil {
		t.Fatal(err)
	}
	for keep, want := range map[int]string{1: "1 Tag, dann werden sie entfernt", 30: "30 Tage, dann werden sie entfernt"} {
		var out strings.Builder
		if err := page.Execute(&out, map[string]int{"Keep": keep}); err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{`title="Besucher"`, want, `unter <a class="under" href="/account">Konto</a>.`} {
			if !strings.Contains(out.String(), part) {
				t.Errorf("%s lacks %s", out.String(), part)
			}
		}
	}
}
