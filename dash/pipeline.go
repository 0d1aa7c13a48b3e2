package dash

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// drawing is the pipeline, as a picture.
type drawing struct {
	Class         string
	Width, Height int
	Nodes         []node
	Ways          []way
}

// Right and Bottom are the size of the picture with the lines around its stages.
func (d drawing) Right() int  { return d.Width + 2 }
func (d drawing) Bottom() int { return d.Height + 2 }

// node is a stage in it.
type node struct {
	X, Y, W, H      int
	Title, Href     string
	Name, UnderName string // of its texts
	Value, Under    string
}

// Middle is where the texts of a node stand, from the left.
func (n node) Middle() int { return n.X + n.W/2 }

// Line is the base of a line of text: 1, 2 or 3.
func (n node) Line(i int) int { return n.Y + []int{0, 22, 45, 65}[i] }

// way leads from one stage to another.
type way struct {
	Path  string
	Aside bool // not the usual one
}

// layout says where stages stand: columns and rows from 0, by name.
type layout struct {
	class      string
	w, h       int // of a stage
	gapX, gapY int
	at         map[string][2]int
	ways       []way
}

// titles of the stages, and the page that tells more of one.
var titles = []struct {
	name  string
	title key
	href  string
}{
	{"accepted-short", "Doors", ""}, {"waiting-short", "Queue", "#queue"}, {"stored-short", "Event store", ""}, {"archived-short", "Archive", "#archive"}, {"ledger", "Ledger", ""},
	{"hot", "Hot buckets", ""}, {"bins", "Bins", "#bins"}, {"answers", "Answers", "/"}, {"aside", "Set aside", "/operations/aside"},
}

// wide and narrow are the picture for a desk and for a phone. Their ways are drawn
// by hand, from the middle of one side of a stage to that of another.
var (
	wide = layout{"wide", 156, 78, 44, 30, map[string][2]int{
		"accepted": {0, 1}, "waiting": {1, 1}, "aside": {1, 2}, "stored": {2, 0}, "archived": {2, 1}, "ledger": {2, 2}, "hot": {3, 0}, "bins": {4, 0}, "answers": {5, 1},
	}, []way{
		{"M156 147H200", false}, {"M356 147H378V39H400", false}, {"M356 147H400", false}, {"M356 147H378V255H400", false},
		{"M556 39H600", false}, {"M756 39H800", false}, {"M956 39H1078V108", false}, {"M478 78V93H1048V108", false}, {"M556 255H1078V186", false},
		{"M278 186V216", true}, {"M440 108V78", true},
	}}
	narrow = layout{"narrow", 112, 78, 12, 26, map[string][2]int{
		"accepted": {1, 0}, "waiting": {1, 1}, "aside": {2, 1}, "stored": {0, 2}, "archived": {1, 2}, "ledger": {2, 2}, "hot": {0, 3}, "bins": {0, 4}, "answers": {1, 5},
	}, []way{
		{"M180 78V104", false}, {"M180 182V208", false}, {"M180 195H56V208", false}, {"M180 195H304V208", false},
		{"M56 286V312", false}, {"M56 390V416", false}, {"M56 494V559H124", false}, {"M304 286V559H236", false}, {"M92 286V299H180V520", false},
		{"M236 143H248", true}, {"M124 264H112", true},
	}}
)

// draw fills a layout with texts.
func (l layout) draw(tell tongue, texts map[string]string) drawing {
	d := drawing{Class: l.class, Ways: l.ways}
	for _, t := range titles {
		name, _, _ := strings.Cut(t.name, "-")
		at := l.at[name]
		n := node{X: at[0] * (l.w + l.gapX), Y: at[1] * (l.h + l.gapY), W: l.w, H: l.h, Title: tell.Say(t.title), Name: t.name, Value: texts[t.name], UnderName: name + "-under", Under: texts[name+"-under"], Href: t.href}
		d.Nodes = append(d.Nodes, n)
		d.Width, d.Height = max(d.Width, n.X+n.W), max(d.Height, n.Y+n.H)
	}
	return d
}

// reader is the named one.
func (p Pipeline) reader(name string) (r Reader, there bool) {
	for _, r := range p.Readers {
		if r.Name == name {
			return r, true
		}
	}
	return Reader{}, false
}

// asideNow is how much is set aside.
func (p Pipeline) asideNow() (sinks, doors uint64) {
	for who, n := range p.Aside {
		if who == "collect" || who == "import" {
			doors += n
		} else {
			sinks += n
		}
	}
	return sinks, doors
}

// texts are the figures of the picture and of the table, as they are shown, and the
// state of health that follows from them alone.
func (p Pipeline) texts(l tongue, now time.Time) map[string]string {
	sinks, doors := p.asideNow()
	store, _ := p.reader("store")
	archive, _ := p.reader("archive")
	t := map[string]string{
		"accepted": whole(l, p.Accepted), "accepted-under": l.pace(p.Pace), "waiting": whole(l, p.Waiting), "waiting-under": l.Say("waiting, {pace}", l.age(store.Lag)),
		"stored": whole(l, p.Stored), "stored-under": l.pace(store.Pace), "archived": whole(l, p.Archived), "archived-under": l.Say("{n} waiting", archive.Waiting),
		"ledger": l.Say("none"), "ledger-under": l.Say("no programme"), "hot": l.Say(p.Hot), "hot-under": l.Say("since last roll"), "bins": l.Say("none yet"), "bins-under": l.Say("{n} to roll", p.Dirty),
		"answers": l.Say("pages"), "answers-under": l.Say("API, SQL, e-mail"), "aside": whole(l, sinks+doors), "aside-under": l.Say("look at them"),
		"duplicates": whole(l, p.Duplicates), "set-aside": whole(l, p.SetAside), "removed": whole(l, p.Removed), "state": l.health(&p, &Server{Free: leastFree}, now).State,
	}
	for name, n := range map[string]uint64{"accepted": p.Accepted, "waiting": p.Waiting, "stored": p.Stored, "archived": p.Archived} {
		t[name+"-short"] = l.short(int64(n), 10_000_000)
	}
	if p.Unread {
		t["archived"], t["archived-short"] = "?", "?"
	}
	if p.Waiting == 0 {
		t["waiting-under"] = l.Say("nothing waits")
	}
	if p.Building {
		t["stored-under"] = l.Say("is being made anew")
	}
	if p.Hot == "" {
		t["hot"], t["hot-under"] = l.Say("none"), l.Say("counted from events")
	}
	if !p.Sealed.IsZero() {
		t["bins"] = p.Sealed.UTC().Format("15:04")
		t["bins-under"] = "UTC, " + t["bins-under"]
	}
	if sinks+doors == 0 {
		t["aside-under"] = l.Say("nothing")
	}
	for _, r := range p.Readers {
		t[r.Name+"-lag"], t[r.Name+"-waiting"], t[r.Name+"-pace"] = l.age(r.Lag), whole(l, r.Waiting), l.pace(r.Pace)
		if r.Name == "ledger" {
			t["ledger"], t["ledger-under"] = whole(l, r.Waiting), l.Say("waiting, {pace}", l.pace(r.Pace))
		}
	}
	return t
}

// stage is a line of the table that tells the same as the picture.
type stage struct {
	Title, Does              string
	Name, Pace, Waiting, Lag string // names of texts; "" is nothing to tell
	Texts                    map[string]string
}

// told is a text of the table that moves.
type told struct{ Label, Name, Text string }

// Cell is the one with a text.
func (s stage) Cell(label, name string) told { return told{label, name, s.Texts[name]} }

// stages are the lines of the table.
func (p Pipeline) stages(l tongue, texts map[string]string) []stage {
	all := []stage{
		{l.Say("Doors"), l.Say("accepted, each on disk before its sender has an answer"), "accepted", "accepted-under", "", "", texts},
		{l.Say("Event store"), l.Say("stored, to be asked"), "stored", "store-pace", "store-waiting", "store-lag", texts},
		{l.Say("Archive"), l.Say("archived for good, in objects of an hour"), "archived", "archive-pace", "archive-waiting", "archive-lag", texts},
	}
	if _, there := p.reader("ledger"); there {
		all = append(all, stage{l.Say("Ledger"), l.Say("read for affiliates"), "", "ledger-pace", "ledger-waiting", "ledger-lag", texts})
	}
	return all
}

// pace spells events a second.
func (l tongue) pace(perSecond float64) string {
	if perSecond >= 10 || perSecond == 0 {
		return l.Say("{n} /s", uint64(perSecond+.5))
	}
	return l.Say("{n} /s", l.Number(strconv.FormatFloat(max(perSecond, .1), 'f', 1, 64)))
}

// age spells how long something takes or is ago, in its largest unit.
func (l tongue) age(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return l.Say("{n} s", int(d.Seconds()))
	case d < 2*time.Hour:
		return l.Say("{n} min", int(d.Minutes()))
	case d < 48*time.Hour:
		return l.Say("{n} h", int(d.Hours()))
	}
	return l.Say("{n} days", int(d.Hours()/24))
}

// ago is how long ago something was.
func (l tongue) ago(t, now time.Time) string { return l.age(now.Sub(t)) }

// brief spells how long work took.
func (l tongue) brief(d time.Duration) string {
	switch {
	case d >= time.Minute:
		return l.duration(int64(d.Seconds()))
	case d >= time.Second:
		return l.Say("{n} s", l.Number(fmt.Sprintf("%.1f", d.Seconds())))
	}
	return l.Say("{n} ms", int(d.Milliseconds()))
}

// bytesOf spells what an int64 or uint64 of bytes is for people.
func (l tongue) bytesOf(n any) string {
	x := 0.
	switch n := n.(type) {
	case int64:
		x = float64(n)
	case uint64:
		x = float64(n)
	}
	units := []key{"bytes", "KiB", "MiB", "GiB", "TiB"}
	for len(units) > 1 && x >= 1024 {
		x, units = x/1024, units[1:]
	}
	if x >= 100 || units[0] == "bytes" {
		return l.Say("{n} {unit}", l.Number(fmt.Sprintf("%.0f", x)), l.Say(units[0]))
	}
	return l.Say("{n} {unit}", l.Number(fmt.Sprintf("%.1f", x)), l.Say(units[0]))
}
