package mail

import (
	"fmt"
	"html/template"
	"strings"
	"time"
	"unicode/utf8"
)

// Report is what a letter with figures tells. All figures are spelled already.
type Report struct {
	Server  string // its name
	Title   string // what it is about, such as the site
	Period  string // of the figures
	Before  string // of those that they are compared with
	Note    string // a sentence above the figures; "" is none
	Sums    []Sum
	Chart   *Chart // nil is none
	Lists   []List
	Button  string
	Link    string // of the button, absolute
	End     string // small, below: why one gets it
	Subject string
	// Unsubscribe is where the recipient ends it, absolute; "" is none.
	Unsubscribe string
}

// Sum is a figure of the whole period.
type Sum struct {
	Name, Value, Before string
	Change              string // such as "+12 %"; "" is nothing to say
	Sense               Sense  // of the change
}

// Sense is whether a change is welcome.
type Sense string

// The senses; a Neutral change is neither.
const (
	Better  Sense = "better"
	Worse   Sense = "worse"
	Neutral Sense = ""
)

// Chart is a picture of two figures over the period, which has no letters in it:
// what they would say stands around it.
type Chart struct {
	PNG         []byte
	Alt         string // what it shows, for who does not see it
	Most        string // the value at its top
	From, To    string // its ends
	Wide, Small string // names of the broad and of the slim bars
}

// Colors of the chart's broad and slim bars, which are seen well on light and dark paper.
const (
	WideColor  = "#e0a487"
	SmallColor = "#c9501f"
)

// List is the largest values of something.
type List struct {
	Title, Of string // Of: what is counted
	Rows      []Row
}

// Row is a value and its figures.
type Row struct{ Name, Value, Before string }

// reportLetter is a Report as its templates need it.
type reportLetter struct {
	Report
	Preview string
	Picture template.URL // cid: of the chart; "" is none
}

// Width is how wide the letter is at most, in pixels.
func (reportLetter) Width() int { return 600 }

// Colors are the chart's, for the legend.
func (reportLetter) Colors() [2]string { return [2]string{WideColor, SmallColor} }

// WriteReport writes a letter with figures. What it names may be written by anybody,
// as paths of pages are: it can't leave its line or its place.
func WriteReport(id string, to Address, r Report) Message {
	r.clean()
	l := reportLetter{Report: r, Preview: r.Period}
	if len(r.Sums) > 0 {
		l.Preview += ": " + r.Sums[0].Value + " " + r.Sums[0].Name
	}
	m := Message{ID: id, To: Address{oneLine(to.Name), to.Email}, Subject: r.Subject, Text: r.plain(), Time: time.Now(), Unsubscribe: r.Unsubscribe}
	if r.Chart != nil {
		picture := Image{ID: id + ".chart@footfall", Name: "chart.png", PNG: r.Chart.PNG}
		m.Images, l.Picture = []Image{picture}, template.URL("cid:"+picture.ID) // letters, digits and .-_@: see Message.ID
	}
	m.HTML = draw("report.html", l)
	return m
}

// clean makes every text one line of a length that a letter can have.
func (r *Report) clean() {
	const longest = 100 // characters of a name
	short := func(fields ...*string) {
		for _, field := range fields {
			*field = oneLine(*field)
			if text := []rune(*field); len(text) > longest {
				*field = string(text[:longest-1]) + "…"
			}
		}
	}
	short(&r.Title, &r.Period, &r.Before, &r.Subject, &r.Button)
	for _, field := range []*string{&r.Server, &r.Note, &r.Link, &r.End, &r.Unsubscribe} {
		*field = oneLine(*field)
	}
	for i := range r.Lists {
		short(&r.Lists[i].Title, &r.Lists[i].Of)
		for j := range r.Lists[i].Rows {
			row := &r.Lists[i].Rows[j]
			short(&row.Name, &row.Value, &row.Before)
		}
	}
}

// plain spells a report for readers that show no HTML.
func (r *Report) plain() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n\n", r.Title, r.Period)
	if r.Note != "" {
		fmt.Fprintf(&b, "%s\n\n", wrap(r.Note))
	}
	rows := [][]string{{"", "Now", "Before", "Change"}}
	for _, s := range r.Sums {
		rows = append(rows, []string{s.Name, s.Value, s.Before, s.Change})
	}
	columns(&b, rows)
	fmt.Fprintf(&b, "\nBefore is %s.\n\n", r.Before)
	for _, l := range r.Lists {
		fmt.Fprintf(&b, "%s\n", l.Title)
		rows := [][]string{{"", l.Of, "Before"}}
		for _, row := range l.Rows {
			rows = append(rows, []string{row.Name, row.Value, row.Before})
		}
		columns(&b, rows)
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "%s:\n%s\n\n-- \n%s\n", r.Button, r.Link, wrap(r.End))
	if r.Unsubscribe != "" {
		fmt.Fprintf(&b, "Get this report no more:\n%s\n", r.Unsubscribe)
	}
	return b.String()
}

// columns writes rows with figures under one another. A name that is longer than
// a line has room for stands on one of its own.
func columns(b *strings.Builder, rows [][]string) {
	const widest = 40 // characters of a name beside its figures
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			if n := utf8.RuneCountInString(cell); i > 0 || n <= widest {
				widths[i] = max(widths[i], n)
			}
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			room := max(0, widths[i]-utf8.RuneCountInString(cell))
			switch {
			case i == 0 && utf8.RuneCountInString(cell) > widest:
				line.WriteString(cell + "\n" + strings.Repeat(" ", widths[0]))
			case i == 0:
				line.WriteString(cell + strings.Repeat(" ", room))
			default:
				line.WriteString("   " + strings.Repeat(" ", room) + cell)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}
