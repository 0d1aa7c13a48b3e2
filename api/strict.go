package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// node is a value of a JSON document that is read strictly: what is wrong names
// the value by its path, such as filters[1][2][0].
type node struct {
	path  string
	value any // nil is null, or not there
	first *error
}

// readStrictly reads a document, which is one object of some known fields. What
// is wrong first, here or with a node of it, is kept in first.
func readStrictly(text []byte, first *error, known ...string) map[string]node {
	var value any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&value); err != nil {
		*first = wrong("the body is no JSON: %v", err)
		return nil
	}
	if _, err := d.Token(); err != io.EOF {
		*first = wrong("the body has something behind its JSON object: send one")
		return nil
	}
	return node{"", value, first}.object(known...)
}

// fail keeps what is wrong, if it is the first.
func (n node) fail(format string, args ...any) {
	if *n.first == nil {
		*n.first = wrong("%s: %s", n.name(), fmt.Sprintf(format, args...))
	}
}

// refuse is fail with an error that tells it.
func (n node) refuse(err error) {
	if err != nil {
		n.fail("%v", err)
	}
}

func (n node) name() string {
	if n.path == "" {
		return "the body"
	}
	return n.path
}

// there reports whether there is a value.
func (n node) there() bool { return n.value != nil }

// mustBe fails for a value of another type.
func (n node) mustBe(what string) { n.fail("must be %s, not %s", what, kindOf(n.value)) }

func kindOf(value any) string {
	switch value.(type) {
	case nil:
		return "nothing"
	case string:
		return "a text"
	case bool:
		return "true or false"
	case json.Number:
		return "a number"
	case []any:
		return "a list"
	}
	return "an object"
}

// object is the fields of an object, which are all known.
func (n node) object(known ...string) map[string]node {
	all, ok := n.value.(map[string]any)
	if !ok {
		n.mustBe("an object")
		return nil
	}
	fields := map[string]node{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		at := node{strings.TrimPrefix(n.path+"."+name, "."), all[name], n.first}
		if !slices.Contains(known, name) {
			at.fail("there is no such field; use %s", strings.Join(known, ", "))
		}
		fields[name] = at
	}
	for _, name := range known {
		if _, ok := fields[name]; !ok {
			fields[name] = node{strings.TrimPrefix(n.path+"."+name, "."), nil, n.first}
		}
	}
	return fields
}

// list is the values of a list of at most so many.
func (n node) list(most int) []node {
	all, ok := n.value.([]any)
	if !ok {
		n.mustBe("a list")
		return nil
	}
	if len(all) > most {
		n.fail("has %d values; %d are the most", len(all), most)
		return nil
	}
	nodes := make([]node, len(all))
	for i, value := range all {
		nodes[i] = node{n.path + "[" + strconv.Itoa(i) + "]", value, n.first}
	}
	return nodes
}

// text is a text.
func (n node) text() string {
	s, ok := n.value.(string)
	if !ok {
		n.mustBe("a text")
	}
	return s
}

// flag is true or false, which it is where there is nothing.
func (n node) flag() bool {
	b, ok := n.value.(bool)
	if !ok && n.there() {
		n.mustBe("true or false")
	}
	return b
}

// whole is a whole number from least to most; what is not there is usual.
func (n node) whole(usual, least, most int) int {
	if !n.there() {
		return usual
	}
	number, ok := n.value.(json.Number)
	if !ok {
		n.mustBe("a number")
		return usual
	}
	i, err := strconv.Atoi(number.String())
	if err != nil || i < least || i > most {
		n.fail("%s is no whole number from %d to %d", number, least, most)
	}
	return i
}

// oneOf is a text of a few.
func (n node) oneOf(all ...string) string {
	s := n.text()
	if !slices.Contains(all, s) {
		n.fail("%q is none of %s", s, strings.Join(all, ", "))
	}
	return s
}
