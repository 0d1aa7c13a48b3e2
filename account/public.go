package account

import (
	"slices"
	"strings"

	"footfall/event"
)

// Part is something of a site that its public dashboard may show.
type Part string

// Parts. Where a site shows anything it shows the board.
const (
	TheBoard Part = "board"      // visitors, where they came from and what they looked at
	Doings   Part = "events"     // events and goals by name
	Money    Part = "revenue"    // orders, revenue and products
	Earners  Part = "affiliates" // affiliates by their codes, among the sources
	Files    Part = "files"      // lists as CSV files
	Search   Part = "search"     // search engines may list the page
)

// Parts lists the parts that may be shown, the board first.
var Parts = []Part{TheBoard, Doings, Money, Earners, Files, Search}

// Shows reports whether anybody may see a part of the site.
func (s Site) Shows(p Part) bool { return slices.Contains(s.Public, p) }

// ReadParts reads what people write: on, off, or some of Parts with commas between.
func ReadParts(text string) []Part {
	all := []Part{} // in JSON a list, also of none
	for name := range strings.FieldsFuncSeq(text, func(c rune) bool { return c == ',' || c == ' ' }) {
		switch name {
		case "off":
		case "on":
			all = append(all, TheBoard)
		default:
			all = append(all, Part(name))
		}
	}
	return all
}

// SpellParts is what ReadParts reads.
func SpellParts(parts []Part) string {
	if len(parts) == 0 {
		return "off"
	}
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = string(p)
	}
	return strings.Join(names, ",")
}

// published checks what a site shows and puts it in the order of Parts.
func published(parts []Part) ([]Part, error) {
	for _, p := range parts {
		if !slices.Contains(Parts, p) {
			return nil, event.Invalid("public", "%q is unknown: write on, off, or some of %s with commas between", p, SpellParts(Parts))
		}
	}
	shown := []Part{} // in JSON a list, also of none
	for _, p := range Parts {
		if slices.Contains(parts, p) || p == TheBoard && len(parts) > 0 {
			shown = append(shown, p)
		}
	}
	return shown, nil
}

// PublicToken stands where a page of a public site is asked for a token: the page of
// anybody has none.
const PublicToken = "public"
