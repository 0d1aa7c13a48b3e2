package mail

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

var update = flag.Bool("update", false, "write the letters into testdata")

var full = About{Server: "stats.example.com", Link: "https://stats.example.com/password?link=ffl_abc&next=%2Fportal", Life: "a week", Role: "viewer", Site: "kurse.example",
	Program: "Köche & Köchinnen <3", Who: "Åse O'Brien", Amount: "62.50 EUR", Reference: "transfer-17", Payout: "01J9ZV4T3N", Account: "PayPal: ase@people.example", Reason: "there is no such account",
	What: "No events", Rule: "No event for 60 minutes", Figure: "0", Usual: "40", Since: "22 Nov 2026, 14:00"}

// TestLetters compares each letter with its file in testdata; -update writes them.
func TestLetters(t *testing.T) {
	var said strings.Builder
	bare := About{Server: full.Server, Link: full.Link, Life: full.Life, Role: "affiliate", Who: full.Who, Program: full.Program, Amount: full.Amount, HasLogin: true, What: full.What, Rule: full.Rule, Figure: full.Figure, Since: full.Since}
	for _, kind := range Kinds() {
		m := Write(kind, "id-1", Address{"Ada", "ada@people.example"}, full)
		said.WriteString("=== " + string(kind) + "\nSubject: " + m.Subject + "\n\n" + m.Text)
		if least := Write(kind, "id-1", Address{}, bare); least.Text != m.Text {
			said.WriteString("=== " + string(kind) + ", with little to tell\nSubject: " + least.Subject + "\n\n" + least.Text)
		}
		if m.ID != "id-1" || m.To != (Address{"Ada", "ada@people.example"}) || m.Time.IsZero() {
			t.Errorf("%s: %+v", kind, m)
		}
		for _, part := range []string{m.Subject, m.Text, m.HTML} {
			if strings.Contains(part, "{{") || strings.Contains(part, "<no value>") || strings.Contains(part, "ZgotmplZ") {
				t.Errorf("%s is not filled in: %s", kind, part)
			}
		}
		if !strings.Contains(m.Text, "\n"+full.Link+"\n") || strings.Count(m.HTML, `href="https://stats.example.com/password?link=ffl_abc&amp;next=%2Fportal"`) != 1 {
			t.Errorf("%s lacks its link:\n%s", kind, m.HTML)
		}
		if strings.Contains(m.HTML, "<3") || strings.Contains(m.HTML, "src=") || strings.Contains(m.HTML, "url(") {
			t.Errorf("%s has what it should not:\n%s", kind, m.HTML)
		}
	}
	golden(t, "letters.txt", said.String())
	golden(t, "payout-paid.html", Write(PayoutPaid, "id-1", Address{}, full).HTML)
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what is written any more; if that is meant: go test ./mail -update\n%s", path, got)
	}
}

// TestOneLine: what anybody may write ends no line and hides nothing.
func TestOneLine(t *testing.T) {
	bad := "x\r\nBcc: eve@evil.example\x00\u2028\u202ecod.exe\ufffd\xff <b>"
	about := full
	about.Who, about.Program, about.Account, about.Reference, about.Amount, about.Reason = bad, bad+strings.Repeat("ö", 500), bad, bad, bad, bad
	for _, kind := range Kinds() {
		m := Write(kind, "id", Address{bad, "ada@people.example"}, about)
		odd := func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' }
		if strings.ContainsFunc(m.Subject, odd) || strings.ContainsFunc(m.To.Name, odd) || strings.ContainsFunc(strings.ReplaceAll(m.Text, "\n", ""), odd) {
			t.Errorf("%s: %q to %q\n%q", kind, m.Subject, m.To.Name, m.Text)
		}
		for _, line := range strings.Split(m.Text, "\n") {
			if strings.HasPrefix(line, "Bcc:") && !strings.HasPrefix(line, "Bcc: eve@evil.example cod.exe") {
				t.Errorf("%s: %q", kind, line)
			}
		}
		if n := len([]rune(m.Subject)); n > 300 {
			t.Errorf("%s: a subject of %d characters", kind, n)
		}
		if strings.Contains(m.HTML, "<b>") {
			t.Errorf("%s: %s", kind, m.HTML)
		}
	}
}

func TestParseAddress(t *testing.T) {
	for text, want := range map[string]Address{
		"a@b.example":                          {"", "a@b.example"},
		"Footfall <a@b.example>":               {"Footfall", "a@b.example"},
		`"Shop, Inc." <a@b.example>`:           {"Shop, Inc.", "a@b.example"},
		"=?utf-8?q?K=C3=B6che?= <a@b.example>": {"Köche", "a@b.example"},
		"Köche <a@b.example>":                  {"Köche", "a@b.example"},
	} {
		if got, err := ParseAddress(text); err != nil || got != want || got.Domain() != "b.example" {
			t.Errorf("%q is %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "a", "a@", "a@b.example, c@d.example", "a@b.example\r\nBcc: c@d.example"} {
		if got, err := ParseAddress(text); err == nil {
			t.Errorf("%q is %+v", text, got)
		}
	}
}
