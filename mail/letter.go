package mail

import (
	"embed"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"
	texts "text/template"
	"time"
)

//go:embed *.html
var files embed.FS

var pages = template.Must(template.ParseFS(files, "*.html"))

// Kinds lists the kinds of letters.
func Kinds() []Kind { return slices.Sorted(maps.Keys(english)) }

// letter is a text whose templates are filled in.
type letter struct {
	Server, Title, Button, Link, End string
	Preview                          string // what lists of messages show beside the subject
	Paragraphs                       []string
	Facts                            []fact
}

type fact struct{ Name, Value string }

// Width is how wide the letter is at most, in pixels.
func (letter) Width() int { return 520 }

// Unsubscribe is none: these letters are about something that was done.
func (letter) Unsubscribe() string { return "" }

// Write writes a letter. What it is about may be written by anybody: it can't
// leave its line or its place.
func Write(kind Kind, id string, to Address, about About) Message {
	about = about.clean()
	t, known := english[kind]
	if !known {
		panic("mail: there is no letter " + string(kind))
	}
	fill := func(pattern string) string { return fill(pattern, about) }
	l := letter{Server: about.Server, Title: fill(t.title), Button: fill(t.button), Link: about.Link, End: fill(t.end)}
	for _, p := range t.paragraphs {
		if p = fill(p); p != "" {
			l.Paragraphs = append(l.Paragraphs, p)
		}
	}
	for _, f := range t.facts {
		if value := fill(f[1]); value != "" {
			l.Facts = append(l.Facts, fact{fill(f[0]), value})
		}
	}
	l.Preview = l.Paragraphs[0]
	return Message{ID: id, To: Address{oneLine(to.Name), to.Email}, Subject: fill(t.subject), Text: l.plain(), HTML: l.html(), Time: time.Now()}
}

// clean makes each field one line of a length that a letter can have.
func (a About) clean() About {
	for _, field := range []*string{&a.Server, &a.Link, &a.Life, &a.Role, &a.Site, &a.Program, &a.Who, &a.Amount, &a.Reference, &a.Payout, &a.Account, &a.Reason, &a.What, &a.Rule, &a.Figure, &a.Usual, &a.Since} {
		*field = oneLine(*field)
	}
	const longest = 120 // characters of a name
	for _, field := range []*string{&a.Site, &a.Program, &a.Who, &a.Reference, &a.Account, &a.Reason} {
		if r := []rune(*field); len(r) > longest {
			*field = string(r[:longest-1]) + "…"
		}
	}
	return a
}

func fill(pattern string, about About) string {
	var b strings.Builder
	if err := texts.Must(texts.New("").Parse(pattern)).Execute(&b, about); err != nil {
		panic(fmt.Sprintf("mail: %q: %v", pattern, err)) // a test writes every kind
	}
	return strings.TrimSpace(b.String())
}

// plain spells a letter for readers that show no HTML.
func (l letter) plain() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", l.Title)
	for _, p := range l.Paragraphs {
		fmt.Fprintf(&b, "%s\n\n", wrap(p))
	}
	width := 0
	for _, f := range l.Facts {
		width = max(width, len([]rune(f.Name))+1)
	}
	for i, f := range l.Facts {
		fmt.Fprintf(&b, "%-*s %s\n", width, f.Name+":", f.Value)
		if i == len(l.Facts)-1 {
			b.WriteByte('\n')
		}
	}
	fmt.Fprintf(&b, "%s:\n%s\n\n-- \n%s\n", l.Button, l.Link, wrap(l.End))
	return b.String()
}

// wrap breaks a paragraph into lines of at most 72 characters where it can.
func wrap(p string) string {
	const most = 72
	var b strings.Builder
	at := 0
	for i, word := range strings.Fields(p) {
		n := len([]rune(word))
		switch {
		case i > 0 && at+1+n > most:
			b.WriteByte('\n')
			at = 0
		case i > 0:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += n
	}
	return b.String()
}

func (l letter) html() string { return draw("letter.html", l) }

// draw fills in a template; a test draws each of them.
func draw(name string, data any) string {
	var b strings.Builder
	if err := pages.ExecuteTemplate(&b, name, data); err != nil {
		panic(fmt.Sprintf("mail: %s: %v", name, err))
	}
	return b.String()
}
