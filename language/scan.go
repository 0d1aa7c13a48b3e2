package language

import (
	"regexp"
	"slices"
	"strings"
)

// token is a tag, an action or the text between two.
type token struct {
	source string
	name   string // of a tag, with a slash if it closes; of an action, its first word
	kind   byte   // '<', '{', or 't' of text
}

var (
	tagName = regexp.MustCompile(`^</?([a-zA-Z][a-zA-Z0-9]*)`)
	first   = regexp.MustCompile(`^\{\{-?\s*([a-z]*)`)
)

// wholes are elements that hold no texts at all.
var wholes = []string{"script", "style", "pre"}

// scan cuts a source into tokens.
func scan(source string) (tokens []token) {
	for source != "" {
		switch m := tagName.FindStringSubmatch(source); {
		case strings.HasPrefix(source, "{{"):
			n := strings.Index(source, "}}") + 2
			if n < 2 {
				n = len(source)
			}
			tokens = append(tokens, token{source[:n], first.FindStringSubmatch(source)[1], '{'})
			source = source[n:]
		case m != nil:
			n := endOfTag(source)
			t := token{source[:n], strings.ToLower(m[1]), '<'}
			if source[1] == '/' {
				t.name = "/" + t.name
			} else if end := strings.Index(source, "</"+m[1]+">"); slices.Contains(wholes, t.name) && end >= 0 {
				n = end + len(m[1]) + 3
				t.source, t.name = source[:n], "whole"
			}
			tokens = append(tokens, t)
			source = source[n:]
		default:
			n := 1
			for n < len(source) && !(source[n] == '{' && strings.HasPrefix(source[n:], "{{")) && !(source[n] == '<' && tagName.MatchString(source[n:])) {
				n++
			}
			tokens = append(tokens, token{source[:n], "", 't'})
			source = source[n:]
		}
	}
	return tokens
}

// endOfTag is behind the > that ends a tag: those in actions do not.
func endOfTag(source string) int {
	for i := 0; i < len(source); {
		switch {
		case strings.HasPrefix(source[i:], "{{"):
			if n := strings.Index(source[i:], "}}"); n > 0 {
				i += n + 2
				continue
			}
			return len(source)
		case source[i] == '>':
			return i + 1
		}
		i++
	}
	return len(source)
}

// grow makes nodes of tokens.
func grow(tokens []token) []node {
	nodes, _ := branch(tokens, func(token) bool { return false })
	return nodes
}

// branch makes nodes up to the token that ends it, which stays.
func branch(tokens []token, ends func(token) bool) (nodes []node, rest []token) {
	for len(tokens) > 0 && !ends(tokens[0]) {
		t := tokens[0]
		switch {
		case t.kind == 't':
			nodes, tokens = append(nodes, node{kind: text, source: t.source}), tokens[1:]
		case t.kind == '{' && slices.Contains([]string{"if", "with", "range", "define", "block"}, t.name):
			var n node
			n, tokens = branches(tokens)
			nodes = append(nodes, n.spread()...)
		case t.kind == '{' && (t.name == "break" || t.name == "continue" || strings.HasPrefix(t.source, "{{/*") || strings.Contains(t.source, ":=") || strings.Contains(t.source, "{{- /*")):
			nodes, tokens = append(nodes, node{kind: other, source: t.source}), tokens[1:]
		case t.kind == '{':
			nodes, tokens = append(nodes, node{kind: print, source: t.source}), tokens[1:]
		case t.name == "br":
			nodes, tokens = append(nodes, node{kind: element, source: t.source, name: "br"}), tokens[1:]
		case slices.Contains(inlineTags, t.name):
			inner, after := branch(tokens[1:], func(next token) bool {
				return ends(next) || next.kind == '<' && strings.HasPrefix(next.name, "/")
			})
			if len(after) > 0 && after[0].name == "/"+t.name && !slices.ContainsFunc(inner, isOther) {
				nodes, tokens = append(nodes, node{kind: element, source: t.source, close: after[0].source, name: t.name, branches: [][]node{inner}}), after[1:]
				continue
			}
			nodes = append(nodes, node{kind: other, source: t.source})
			tokens = tokens[1:] // it is cut by something else: its text is one by itself
		default:
			nodes, tokens = append(nodes, node{kind: other, source: t.source}), tokens[1:]
		}
	}
	return nodes, tokens
}

func isOther(n node) bool { return n.kind == other }

// branches makes the node of an action that has some.
func branches(tokens []token) (n node, rest []token) {
	n = node{kind: control, source: tokens[0].source}
	if name := tokens[0].name; name == "define" || name == "block" {
		n.kind = other
	}
	tokens = tokens[1:]
	for {
		var inner []node
		inner, tokens = branch(tokens, func(t token) bool { return t.kind == '{' && (t.name == "else" || t.name == "end") })
		n.branches = append(n.branches, inner)
		if slices.ContainsFunc(inner, isOther) {
			n.kind = other
		}
		if len(tokens) == 0 {
			return n, nil
		}
		t := tokens[0]
		if tokens = tokens[1:]; t.name == "end" {
			n.close = t.source
			return n, tokens
		}
		n.middles = append(n.middles, t.source)
	}
}

// spread is the node itself, or its pieces if not all of it stands within a text.
func (n node) spread() (nodes []node) {
	if n.kind == control {
		return []node{n}
	}
	nodes = append(nodes, node{kind: other, source: n.source})
	for i, inner := range n.branches {
		if i > 0 {
			nodes = append(nodes, node{kind: other, source: n.middles[i-1]})
		}
		nodes = append(nodes, inner...)
	}
	return append(nodes, node{kind: other, source: n.close})
}
