// Package dialect reads queries in the SQL of Amazon Timestream, as people who
// followed its designs have them, and writes them for the event store. It works
// on tokens: texts, names in quotes and comments stay as they are, and what it
// does not know is left to the store. Functions that keep their names (bin, ago,
// date_diff …) are the store's to have: docs/sql.md lists them.
package dialect

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"footfall/store"
)

// Database is the name that queries may put before a table.
const Database = "WebAnalyticsDb"

// Statement is a query as the store asks it.
type Statement struct {
	Text  string
	query string
	marks []mark // by at
}

// mark says where a piece of the text comes from.
type mark struct {
	at, from int  // bytes of Text and of the query
	same     bool // letter by letter
}

// Error is something wrong with a query.
type Error struct {
	Line, Column int // from 1, in characters; 0 is nowhere in particular
	Why          string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Why
	}
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Why)
}

// At is the error of a byte of the statement's text; a negative one is nowhere.
func (s *Statement) At(at int, why string) *Error {
	if at < 0 {
		return &Error{Why: why}
	}
	line, column := s.place(at)
	return &Error{line, column, why}
}

// place is where a byte of Text was in the query.
func (s *Statement) place(at int) (line, column int) {
	from := 0
	for _, m := range s.marks {
		if m.at > at {
			break
		}
		if from = m.from; m.same {
			from += at - m.at
		}
	}
	before := s.query[:min(from, len(s.query))]
	last := strings.LastIndexByte(before, '\n') + 1
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[last:]) + 1
}

// units are those of an interval such as 7d, as the store spells them.
var units = map[string]string{
	"us": "microsecond", "microsecond": "microsecond", "ms": "millisecond", "millisecond": "millisecond",
	"s": "second", "sec": "second", "second": "second", "m": "minute", "min": "minute", "minute": "minute", "h": "hour", "hour": "hour",
	"d": "day", "day": "day", "w": "week", "week": "week", "mo": "month", "month": "month", "y": "year", "year": "year",
}

// renamed are functions that the store has by another name, also with FILTER,
// DISTINCT and OVER.
var renamed = map[string]string{"approx_percentile": "approx_quantile", "approx_distinct": "approx_count_distinct", "every": "bool_and"}

var measures = []string{"bigint", "double", "varchar", "boolean"}

// Translate writes a query for the store. What is wrong is an *Error.
func Translate(query string) (*Statement, error) {
	w := &writer{tokens: split(query), s: &Statement{query: query}}
	if told, err := w.told(); told || err != nil {
		return w.s, err
	}
	for w.i < len(w.tokens) {
		w.step()
	}
	w.s.Text = w.out.String()
	return w.s, nil
}

// writer goes over a query's tokens.
type writer struct {
	tokens []token
	i      int
	nested int // brackets and braces around, where a : is no parameter's
	out    strings.Builder
	s      *Statement
}

// peek is a token from here that is neither space nor comment, and its index;
// the zero token behind the end.
func (w *writer) peek(n int) (token, int) {
	for i := w.i; i < len(w.tokens); i++ {
		if k := w.tokens[i].kind; k != space && k != comment {
			if n == 0 {
				return w.tokens[i], i
			}
			n--
		}
	}
	return token{}, len(w.tokens)
}

// put writes what stands for n tokens from here.
func (w *writer) put(text string, n int) {
	w.s.marks = append(w.s.marks, mark{w.out.Len(), w.tokens[w.i].at, n == 1 && text == w.tokens[w.i].text})
	w.out.WriteString(text)
	w.i += n
}

// here is the token n places on, with spaces; the zero one behind the end.
func (w *writer) here(n int) token {
	if w.i+n < len(w.tokens) {
		return w.tokens[w.i+n]
	}
	return token{}
}

func (w *writer) step() {
	t := w.tokens[w.i]
	following, at := w.peek(1)
	switch {
	case t.kind == number && w.here(1).kind == word && w.unit() != "":
		w.put("INTERVAL '"+t.text+" "+w.unit()+"'", 2)
		return
	case t.is(Database) && following.text == ".":
		w.i = at + 1
		return
	case t.is("measure_value") && following.text == "::":
		if kind, end := w.peek(2); measured(kind) {
			w.put(`"measure_value::`+strings.ToLower(kind.text)+`"`, end+1-w.i)
			return
		}
	case t.text == ":" && w.nested == 0 && w.here(1).kind == word:
		w.put("$", 1)
		return
	case t.kind == word && following.text == "(" && renamed[strings.ToLower(t.text)] != "":
		w.put(renamed[strings.ToLower(t.text)], 1)
		return
	case t.text == ";" && following == token{}:
		w.put(" ", 1)
		return
	}
	if t.kind == symbol {
		switch t.text {
		case "[", "{":
			w.nested++
		case "]", "}":
			w.nested--
		}
	}
	w.put(t.text, 1)
}

// unit is that of the interval that a number here begins; "" if it begins none.
func (w *writer) unit() string {
	text := strings.ToLower(w.here(1).text)
	if unit := units[text]; unit != "" {
		return unit
	}
	if long := strings.TrimSuffix(text, "s"); len(long) > 2 {
		return units[long]
	}
	return ""
}

func measured(t token) bool {
	for _, m := range measures {
		if t.kind == word && strings.EqualFold(t.text, m) {
			return true
		}
	}
	return false
}

// told answers SHOW and DESCRIBE: their rows stand in the text.
func (w *writer) told() (bool, error) {
	verb, _ := w.peek(0)
	var words []token
	for n := 1; ; n++ {
		t, _ := w.peek(n)
		if t == (token{}) {
			break
		}
		if t.text != ";" {
			words = append(words, t)
		}
	}
	switch {
	case len(words) == 0:
		return false, nil
	case verb.is("DESCRIBE"):
		t, err := w.table(words)
		if err != nil {
			return false, err
		}
		var rows [][]string
		for _, c := range t.Columns {
			rows = append(rows, []string{c.Name, strings.ToLower(c.Type), attribute(c.Name)})
		}
		w.answer([]string{"Column", "Type", "Timestream attribute type"}, rows, "")
	case !verb.is("SHOW"):
		return false, nil
	default:
		return true, w.shown(words)
	}
	return true, nil
}

// shown answers SHOW: of databases, tables or measures, all or those LIKE a pattern.
func (w *writer) shown(words []token) error {
	like := ""
	if i := slices.IndexFunc(words, func(t token) bool { return t.is("LIKE") }); i > 0 {
		var ok bool
		if like, ok = pattern(words[i+1:]); !ok {
			return w.s.at(words[i], "LIKE needs a pattern in single quotes, and nothing behind it")
		}
		words = words[:i]
	}
	what, of := words[0], words[1:]
	from := len(of) > 0 && of[0].is("FROM")
	switch {
	case what.is("DATABASES") && len(of) == 0:
		w.answer([]string{"Database"}, [][]string{{Database}}, like)
	case what.is("TABLES") && from && (len(of) != 2 || !of[1].is(Database)):
		return w.s.at(of[len(of)-1], "there is no such database: use "+Database)
	case what.is("TABLES") && (len(of) == 0 || from):
		var rows [][]string
		for _, t := range store.Tables {
			rows = append(rows, []string{t.Name})
		}
		w.answer([]string{"Table"}, rows, like)
	case what.is("MEASURES") && from:
		t, err := w.table(of[1:])
		if err != nil {
			return err
		}
		w.answer([]string{"measure_name", "data_type"}, [][]string{{t.Measure, "bigint"}}, like)
	default:
		return w.s.at(words[min(1, len(of))], "SHOW DATABASES, SHOW TABLES, SHOW MEASURES FROM a table, each also LIKE a pattern, or DESCRIBE a table")
	}
	return nil
}

// pattern is the condition of what stands behind LIKE, which is one text.
func pattern(words []token) (like string, ok bool) {
	if len(words) != 1 || words[0].kind != text || len(words[0].text) < 2 || words[0].text[0] != '\'' {
		return "", false
	}
	inner, closed := strings.CutSuffix(words[0].text[1:], "'")
	return " LIKE " + words[0].text, closed && !strings.Contains(strings.ReplaceAll(inner, "''", ""), "'")
}

// at is an error about a token of the query.
func (s *Statement) at(t token, why string) *Error {
	line, column := (&Statement{query: s.query, marks: []mark{{0, t.at, true}}}).place(0)
	return &Error{line, column, why}
}

func attribute(column string) string {
	switch {
	case column == "time":
		return "TIMESTAMP"
	case strings.HasPrefix(column, "measure_value"):
		return "MEASURE_VALUE"
	case column == "measure_name":
		return "MEASURE_NAME"
	}
	return "DIMENSION"
}

// table is the one that words name, with or without the database's name.
func (w *writer) table(words []token) (store.Table, error) {
	var names []string
	for _, t := range store.Tables {
		names = append(names, t.Name)
	}
	known := "use " + strings.Join(names, ", ")
	if len(words) == 0 {
		return store.Table{}, &Error{Why: "which table? " + known}
	}
	if len(words) == 3 && words[0].is(Database) && words[1].text == "." {
		words = words[2:]
	}
	for _, t := range store.Tables {
		if len(words) == 1 && words[0].is(t.Name) {
			return t, nil
		}
	}
	return store.Table{}, w.s.at(words[0], "there is no such table: "+known)
}

// answer is a query that has the rows, in this order: those whose first cell meets a
// condition, if there is one.
func (w *writer) answer(head []string, rows [][]string, like string) {
	literal := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	var values, heads []string
	for i, row := range rows {
		cells := []string{fmt.Sprint(i)}
		for _, cell := range row {
			cells = append(cells, literal(cell))
		}
		values = append(values, "("+strings.Join(cells, ", ")+")")
	}
	for _, h := range head {
		heads = append(heads, `"`+h+`"`)
	}
	list := strings.Join(heads, ", ")
	if like != "" {
		like = " WHERE " + heads[0] + like
	}
	w.s.Text = "SELECT " + list + " FROM (VALUES " + strings.Join(values, ", ") + ") AS told(n, " + list + ")" + like + " ORDER BY n"
}
