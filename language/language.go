// Package language is what pages are written in: their texts, and how numbers and dates
// are spelled. English stands where it is used, in templates and code, and is the key of
// what it is called elsewhere: see the catalogues beside this file, and page.go.
package language

import (
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/text/feature/plural"
	tags "golang.org/x/text/language"
)

// Key is a text in English, with arguments in braces: "{n} events are set aside". Every
// constant of this type has a place in each catalogue.
type Key string

// Language is one that pages are written in. Nil is English.
type Language struct {
	Tag  string // BCP 47, such as de
	Name string // in the language itself
	numbers
	texts map[Key]entry
}

//go:embed *.json
var catalogues embed.FS

// All are the languages, English first.
var All = []*Language{open("en", "English"), open("de", "Deutsch")}

// english is what nil is.
var english = All[0]

// open reads a language's catalogue, which is compiled in.
func open(tag, name string) *Language {
	l := &Language{Tag: tag, Name: name, numbers: numbersOf(tags.MustParse(tag))}
	text, err := catalogues.ReadFile(tag + ".json")
	if err == nil {
		err = json.Unmarshal(text, &l.texts)
	}
	if err != nil {
		panic(fmt.Sprintf("language: %s: %v", tag, err))
	}
	return l
}

// Of is the language of a tag, nil if there is none.
func Of(tag string) *Language {
	i := slices.IndexFunc(All, func(l *Language) bool { return l.Tag == tag })
	if i < 0 {
		return nil
	}
	return All[i]
}

// Wanted is the language that a browser wants most of those there are, by its
// Accept-Language; English if it wants none of them.
func Wanted(accept string) *Language {
	wanted, _, err := tags.ParseAcceptLanguage(accept)
	if _, i, sure := matcher.Match(wanted...); err == nil && sure != tags.No {
		return All[i]
	}
	return english
}

var matcher = func() tags.Matcher {
	var have []tags.Tag
	for _, l := range All {
		have = append(have, tags.MustParse(l.Tag))
	}
	return tags.NewMatcher(have)
}()

// Or is the language, English if it is nil.
func (l *Language) Or() *Language {
	if l == nil {
		return english
	}
	return l
}

// Say spells a text. Arguments fill the braces in the order in which these stand in the
// key, a braced word that comes again is the same argument; whole numbers are spelled with
// their groups, and the first of them chooses between the forms of singular and plural.
func (l *Language) Say(k Key, args ...any) string {
	l = l.Or()
	text, n := string(k), 0
	told := make([]string, 0, 2*len(args))
	chosen := ""
	for _, name := range braces(string(k)) {
		if n == len(args) {
			break
		}
		spelled := fmt.Sprint(args[n])
		if i, whole := integer(args[n]); whole {
			if spelled = l.Whole(i); chosen == "" {
				chosen = l.plural(i)
			}
		}
		told = append(told, name, spelled)
		n++
	}
	if e, ok := l.texts[k]; ok {
		text = e.form(chosen, text)
	}
	if len(told) == 0 {
		return text
	}
	return strings.NewReplacer(told...).Replace(text)
}

// braces are the arguments of a text with their braces, each once.
func braces(text string) (names []string) {
	for {
		from := strings.IndexByte(text, '{')
		to := strings.IndexByte(text, '}')
		if from < 0 || to < from {
			return names
		}
		if name := text[from : to+1]; !slices.Contains(names, name) {
			names = append(names, name)
		}
		text = text[to+1:]
	}
}

func integer(x any) (int64, bool) {
	switch n := x.(type) {
	case int:
		return int64(n), true
	case int64:
		return n, true
	case uint64:
		return int64(n), true
	}
	return 0, false
}

// plural names the form that a number takes, as CLDR does.
func (l *Language) plural(n int64) string {
	forms := [...]string{plural.Other: "other", plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many"}
	return forms[plural.Cardinal.MatchPlural(tags.MustParse(l.Tag), int(n), 0, 0, 0, 0)]
}

// entry is a text in a language: one for all numbers, or its forms.
type entry struct {
	text  string
	by    string            // the argument of a page that chooses, as it stands in the key; "" of code's texts
	forms map[string]string // other, and those of one, two, few, many that differ
}

// UnmarshalJSON reads a text, or an object of forms with "by" among them.
func (e *entry) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(text, &e.text) == nil {
		return nil
	}
	if err := json.Unmarshal(text, &e.forms); err != nil {
		return err
	}
	e.by, e.text = e.forms["by"], e.forms["other"]
	delete(e.forms, "by")
	return nil
}

// form is the text of a form; without one it is usual.
func (e entry) form(name, usual string) string {
	if text := e.forms[name]; text != "" {
		return text
	}
	if e.text != "" {
		return e.text
	}
	return usual
}
