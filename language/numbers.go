package language

import (
	"slices"
	"strconv"
	"strings"
	"time"

	tags "golang.org/x/text/language"
	"golang.org/x/text/language/display"
	"golang.org/x/text/message"
	"golang.org/x/text/number"
)

// numbers is how CLDR spells those of a language.
type numbers struct {
	point, group  string
	first, others int    // digits of the last group, and of those before it
	percent       string // with one verb for the number
}

// numbersOf reads what golang.org/x/text knows of a language off its own spelling: figures
// are digits in a text by then, exact and as many as they have, and must not go through a
// float.
func numbersOf(tag tags.Tag) (n numbers) {
	p := message.NewPrinter(tag)
	half := p.Sprint(number.Decimal(1.5))
	n.point = strings.Trim(half, "15")
	long := p.Sprint(number.Decimal(1234567890))
	digit := func(r rune) bool { return r >= '0' && r <= '9' }
	groups := strings.FieldsFunc(long, func(r rune) bool { return !digit(r) })
	n.group = strings.FieldsFunc(long, digit)[0]
	n.first, n.others = len(groups[len(groups)-1]), len(groups[len(groups)-2])
	n.percent = strings.Replace(p.Sprint(number.Percent(.5)), "50", "%s", 1)
	return n
}

// Whole spells a whole number with its groups.
func (l *Language) Whole(n int64) string { return l.Number(strconv.FormatInt(n, 10)) }

// Number spells a decimal number that is written with a point, digit by digit.
func (l *Language) Number(text string) string {
	l = l.Or()
	text, negative := strings.CutPrefix(text, "-")
	digits, rest, broken := strings.Cut(text, ".")
	for i, size := len(digits)-l.first, l.others; i > 0; i -= size {
		digits = digits[:i] + l.group + digits[i:]
	}
	if broken {
		digits += l.point + rest
	}
	if negative {
		return "−" + digits
	}
	return digits
}

// Percent spells a number, written as Number takes it, as per cent.
func (l *Language) Percent(text string) string {
	return strings.Replace(l.Or().percent, "%s", l.Number(text), 1)
}

// Country is what CLDR calls an ISO 3166-1 code; "" in English, which has a list of its own.
func (l *Language) Country(code string) string {
	region, err := tags.ParseRegion(code)
	if err != nil || l.Or() == english {
		return ""
	}
	return display.Regions(tags.MustParse(l.Tag)).Name(region)
}

// Date spells a moment by a layout of package time, which is a text like others: what
// comes first in a language stands in its catalogue. Names of days and months are texts,
// too.
func (l *Language) Date(t time.Time, layout Key) string {
	text := l.Say(layout)
	if l.Or() == english {
		return t.Format(text)
	}
	const name = "\uE000" // a letter of nobody's
	var said []string
	for from := 0; from < len(text); {
		at := slices.IndexFunc(names, func(n naming) bool { return strings.HasPrefix(text[from:], n.token) })
		if at < 0 {
			from++
			continue
		}
		said = append(said, l.Say(names[at].of(t)))
		text = text[:from] + name + text[from+len(names[at].token):]
		from += len(name)
	}
	text = t.Format(text)
	for _, n := range said {
		text = strings.Replace(text, name, n, 1)
	}
	return text
}

// naming is what a layout puts a name for.
type naming struct {
	token string
	of    func(time.Time) Key
}

var names = []naming{
	{"January", func(t time.Time) Key { return months[t.Month()-1] }}, {"Jan", func(t time.Time) Key { return shortMonths[t.Month()-1] }},
	{"Monday", func(t time.Time) Key { return days[t.Weekday()] }}, {"Mon", func(t time.Time) Key { return shortDays[t.Weekday()] }},
}

var (
	months      = [...]Key{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
	shortMonths = [...]Key{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}
	days        = [...]Key{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}
	shortDays   = [...]Key{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}
)
