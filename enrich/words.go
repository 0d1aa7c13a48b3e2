package enrich

import "strings"

// words finds any of many words in a text in one pass over it (Aho and
// Corasick, "Efficient string matching", 1975), whatever their case in ASCII
// and however many they are: a text made to be slow is as fast as any other.
//
// A word in the notation of data/bots.txt is found where no letter or digit
// stands before it; "*word" is found anywhere, "^word" at the front of the text
// only, "word$" where no letter follows. "-word" is an exception: where it ends,
// no shorter word is found.
type words struct {
	class [256]uint8 // of a byte: its column; 0 for bytes in no word
	width int
	next  []int32 // state*width + class: the state that follows
	found []int32 // by state: index of the longest word that ends here, or -1
	more  []int32 // by state: the next shorter state that has a word, or 0
	list  []word
}

type word struct {
	text string
	mark byte // '*', '^', '-' or 0
	last bool // no letter may follow
}

// exactly are words that are found anywhere, whatever they hold.
func exactly(texts []string) []word {
	list := make([]word, 0, len(texts))
	for _, t := range texts {
		if t != "" {
			list = append(list, word{text: t, mark: '*'})
		}
	}
	return list
}

// readWords reads words in the notation, one a line.
func readWords(lines string) []word {
	var list []word
	for line := range strings.SplitSeq(lines, "\n") {
		if line == "" {
			continue
		}
		var w word
		if w.text, w.last = strings.CutSuffix(line, "$"); strings.IndexByte("*^-", line[0]) >= 0 {
			w.mark, w.text = line[0], w.text[1:]
		}
		list = append(list, w)
	}
	return list
}

func newWords(list []word) *words {
	w := &words{width: 1, list: list}
	for _, entry := range list {
		for _, c := range []byte(entry.text) {
			if w.class[c] == 0 {
				w.class[c] = uint8(w.width)
				w.width++
			}
		}
	}
	for c := byte('a'); c <= 'z'; c++ {
		w.class[c-'a'+'A'] = w.class[c]
	}
	w.plant()
	w.connect()
	return w
}

// plant makes the tree of all words; a missing branch is state 0, the root.
func (w *words) plant() {
	grow := func() {
		w.next = append(w.next, make([]int32, w.width)...)
		w.found = append(w.found, -1)
	}
	grow()
	for i, entry := range w.list {
		at := int32(0)
		for _, c := range []byte(entry.text) {
			branch := int(at)*w.width + int(w.class[c])
			if w.next[branch] == 0 {
				w.next[branch] = int32(len(w.found))
				grow()
			}
			at = w.next[branch]
		}
		// Of two notations of one word the one that is found in more places is kept.
		if w.found[at] < 0 || rank(entry.mark) > rank(w.list[w.found[at]].mark) {
			w.found[at] = int32(i)
		}
	}
}

func rank(mark byte) int { return strings.IndexByte("^\x00*-", mark) }

// connect fills in where a text goes on when the tree does not: to the longest
// end of what was read that is also the beginning of a word.
func (w *words) connect() {
	shorter := make([]int32, len(w.found))
	w.more = make([]int32, len(w.found))
	queue := []int32{0}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		for c := 1; c < w.width; c++ {
			branch := int(at)*w.width + c
			back := int32(0)
			if at != 0 {
				back = w.next[int(shorter[at])*w.width+c]
			}
			child := w.next[branch]
			if child == 0 {
				w.next[branch] = back
				continue
			}
			shorter[child] = back
			w.more[child] = back
			if w.found[back] < 0 {
				w.more[child] = w.more[back]
			}
			queue = append(queue, child)
		}
	}
}

// find is the longest word found in s, or "".
func (w *words) find(s string) string {
	best, at := "", int32(0)
	for i := range len(s) {
		at = w.next[int(at)*w.width+int(w.class[s[i]])]
		for end := at; end != 0; end = w.more[end] {
			if w.found[end] < 0 {
				continue
			}
			entry := w.list[w.found[end]]
			if entry.mark == '-' {
				break
			}
			if len(entry.text) > len(best) && entry.at(s, i+1-len(entry.text), i+1) {
				best = entry.text
			}
		}
	}
	return best
}

// at reports whether the word may stand at s[start:end].
func (e word) at(s string, start, end int) bool {
	switch {
	case e.last && end < len(s) && letter(s[end]):
		return false
	case e.mark == '*' || start == 0:
		return true
	case e.mark == '^':
		return false
	default:
		return !letter(s[start-1]) && !digit(s[start-1]) || !letter(e.text[0]) && !digit(e.text[0])
	}
}

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func digit(c byte) bool { return '0' <= c && c <= '9' }
