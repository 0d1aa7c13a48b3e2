package language

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Page is the source of a html/template in the language. A text is what stands together
// between two tags that break lines or fields: inline tags and all that a template does
// within it belong to it, so that another language can order them anew. In its key, tags
// have lost their attributes and actions one of their braces:
//
//	It is <b>on</b>: {.Left} codes are left.{if .Old} <a>Make others</a>{end}
//
// Texts of attributes, such as aria-label, are texts of their own, and so are those that
// an action hands on: {{say "Keys"}}. What has no letters, and what is in code, pre, kbd,
// script or style, is left as it is.
func (l *Language) Page(source string) string {
	return (&rewriter{say: func(m passage) string { return l.inPage(m) }}).source(source)
}

// Texts are the keys of the texts in the source of a html/template.
func Texts(source string) (keys []Key) {
	(&rewriter{say: func(m passage) string {
		keys = append(keys, m.key)
		return m.source
	}}).source(source)
	for _, said := range saying.FindAllStringSubmatch(source, -1) {
		keys = append(keys, Key(said[1]))
	}
	return keys
}

// saying is a text that an action hands on.
var saying = regexp.MustCompile(`\bsay "([^"]+)"`)

// passage is a text in a template.
type passage struct {
	key    Key
	source string
	marks  []string // what stands in the key for a piece of the source, and that piece, in turn
}

// inPage is the message in the language, as source.
func (l *Language) inPage(m passage) string {
	back := strings.NewReplacer(m.marks...)
	e, ok := l.Or().texts[m.key]
	if !ok || e.text == "" {
		return m.source
	}
	if len(e.forms) == 0 {
		return back.Replace(e.text)
	}
	text := back.Replace(e.text)
	argument := strings.Trim(e.by, "{}")
	if words := strings.Fields(argument); len(words) > 1 {
		argument = words[len(words)-1] // of what is spelled, the number itself
	}
	for _, form := range [...]string{"zero", "one", "two", "few", "many"} {
		if e.forms[form] != "" {
			text = fmt.Sprintf(`{{if eq (plural %s) %q}}%s{{else}}%s{{end}}`, argument, form, back.Replace(e.forms[form]), text)
		}
	}
	return text
}

// Plural names the form that a number takes, for templates that Page made: a text's is
// that of the number it spells.
func (l *Language) Plural(n any) string {
	if i, whole := integer(n); whole {
		return l.Or().plural(i)
	}
	if i, _, whole := spelled(fmt.Sprint(n)); whole {
		return l.Or().plural(i)
	}
	return "other"
}

// spelled reads a whole number that is spelled already; groups are left out of it.
func spelled(text string) (n int64, rest string, ok bool) {
	for i, r := range text {
		switch {
		case r >= '0' && r <= '9':
			n, ok = 10*n+int64(r-'0'), true
		case unicode.IsLetter(r):
			return n, text[i:], false
		}
	}
	return n, "", ok
}

// Kinds of nodes of a template's source.
const (
	text    = iota
	print   // an action that prints
	element // an inline element with what is in it
	control // an action with branches, all of which are inline
	other   // anything that ends a text
)

// node is a piece of a template's source.
type node struct {
	kind     int
	source   string // of a text or action; of an element or control, the opening
	close    string
	name     string   // of an element
	branches [][]node // of a control; an element has one
	middles  []string // between branches: {{else}}
}

// inlineTags are those that stand within a sentence.
var inlineTags = []string{"a", "b", "i", "em", "strong", "code", "kbd", "span", "small", "time", "br", "abbr"}

// verbatim are elements whose text is nobody's language.
var verbatim = []string{"code", "kbd"}

// spoken are attributes that have texts.
var spoken = regexp.MustCompile(`\b(title|aria-label|placeholder|alt|data-label|data-say-[a-z]+)="(?:\{\{.*?\}\}|[^"])*"`)

// rewriter rewrites the texts of a source.
type rewriter struct {
	say func(passage) string
}

// source rewrites all texts.
func (w *rewriter) source(source string) string {
	nodes := grow(scan(source))
	return w.run(nodes)
}

// run rewrites a row of nodes: what stands between two others is a text, if it has letters
// of its own.
func (w *rewriter) run(nodes []node) string {
	var out strings.Builder
	for from := 0; from < len(nodes); {
		if nodes[from].kind == other {
			out.WriteString(w.tag(nodes[from].source))
			from++
			continue
		}
		to := from
		for to < len(nodes) && nodes[to].kind != other {
			to++
		}
		out.WriteString(w.inline(nodes[from:to]))
		from = to
	}
	return out.String()
}

// inline rewrites what stands together.
func (w *rewriter) inline(nodes []node) string {
	if !slices.ContainsFunc(nodes, func(n node) bool { return n.kind == text && lettered(n.source) }) {
		var out strings.Builder
		for _, n := range nodes {
			out.WriteString(w.within(n))
		}
		return out.String()
	}
	var m marker
	for _, n := range nodes {
		m.add(w, n)
	}
	key := strings.Join(strings.Fields(m.key.String()), " ")
	source := m.source.String()
	inner := strings.TrimSpace(source)
	at := strings.Index(source, inner)
	return source[:at] + w.say(passage{Key(key), inner, m.marks}) + source[at+len(inner):]
}

// within rewrites the texts in a node that is none itself.
func (w *rewriter) within(n node) string {
	if n.kind == text || n.kind == print || n.kind == element && slices.Contains(verbatim, n.name) {
		return w.verbatim(n)
	}
	out := w.tag(n.source)
	for i, branch := range n.branches {
		if i > 0 {
			out += n.middles[i-1]
		}
		out += w.run(branch)
	}
	return out + n.close
}

// verbatim is a node as it was, but for its attributes.
func (w *rewriter) verbatim(n node) string {
	out := w.tag(n.source)
	for i, branch := range n.branches {
		if i > 0 {
			out += n.middles[i-1]
		}
		for _, inner := range branch {
			out += w.verbatim(inner)
		}
	}
	return out + n.close
}

// tag rewrites the attributes of a tag.
func (w *rewriter) tag(source string) string {
	if !strings.HasPrefix(source, "<") {
		return source
	}
	return spoken.ReplaceAllStringFunc(source, func(attribute string) string {
		name, value, _ := strings.Cut(attribute, "=")
		said := w.run(grow(scan(value[1 : len(value)-1])))
		quoted := ""
		for _, t := range scan(said) {
			if t.kind != '{' {
				t.source = strings.ReplaceAll(t.source, `"`, "&#34;")
			}
			quoted += t.source
		}
		return name + `="` + quoted + `"`
	})
}

func lettered(source string) bool {
	if strings.HasPrefix(strings.TrimSpace(source), "<!") {
		return false
	}
	return strings.IndexFunc(entities.ReplaceAllString(source, ""), unicode.IsLetter) >= 0
}

var entities = regexp.MustCompile(`&[a-z]+;|&#[0-9]+;`)

// marker writes the key and the source of a passage.
type marker struct {
	key, source strings.Builder
	marks       []string
}

func (m *marker) add(w *rewriter, n node) {
	switch n.kind {
	case text:
		m.key.WriteString(n.source)
		m.source.WriteString(n.source)
		return
	case print:
		m.mark(n.source[1:len(n.source)-1], n.source)
		return
	case control:
		m.mark(n.source[1:len(n.source)-1], n.source)
		for i, branch := range n.branches {
			if i > 0 {
				m.mark(n.middles[i-1][1:len(n.middles[i-1])-1], n.middles[i-1])
			}
			for _, inner := range branch {
				m.add(w, inner)
			}
		}
		m.mark("{end}", n.close)
		return
	}
	tag := w.tag(n.source)
	name := m.tagged(n.name, tag)
	m.mark("<"+name+">", tag)
	if n.close == "" {
		return
	}
	for _, inner := range n.branches[0] {
		m.add(w, inner)
	}
	m.mark("</"+name+">", n.close)
}

// tagged is the name of a tag in the key: another one of the same name has a number.
func (m *marker) tagged(name, tag string) string {
	for n := 1; ; n++ {
		numbered := name
		if n > 1 {
			numbered = fmt.Sprint(name, n)
		}
		at := slices.Index(m.marks, "<"+numbered+">")
		if at < 0 || m.marks[at+1] == tag {
			return numbered
		}
	}
}

func (m *marker) mark(mark, source string) {
	m.key.WriteString(mark)
	m.source.WriteString(source)
	if !slices.Contains(m.marks, mark) {
		m.marks = append(m.marks, mark, source)
	}
}
