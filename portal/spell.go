package portal

import (
	"html/template"
	"strconv"
	"strings"
	"time"

	"footfall/affiliate"
	"footfall/money"
	"footfall/sheet"
)

// spelling is what templates call.
var spelling = template.FuncMap{
	"money": spellMoney, "files": sheet.Files, "count": whole, "day": day, "moment": moment, "rate": affiliate.Rate, "kind": spellKind,
	"field": field, "ticked": ticked, "words": words, "capital": capital, "host": host, "answer": affiliate.SpellAnswer, "args": func(a, b any) pair { return pair{a, b} },
}

// pair is what a template hands to another one.
type pair struct{ A, B any }

// whole spells a count with a comma between thousands.
func whole(n int64) string { return grouped(strconv.FormatInt(n, 10)) }

func grouped(digits string) string {
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// spellMoney spells an amount exactly, with its currency.
func spellMoney(minor int64, currency string) string {
	units, decimals, _ := strings.Cut(money.Format(minor, currency), ".")
	s := grouped(units)
	if decimals != "" {
		s += "." + decimals
	}
	return strings.Replace(s, "-", "−", 1) + "\u00a0" + currency
}

// perClick is an amount divided by clicks, half away from zero; "–" without a click.
func perClick(minor, clicks int64, currency string) string {
	if clicks == 0 {
		return "–"
	}
	half := clicks
	if minor < 0 {
		half = -half
	}
	return spellMoney((2*minor+half)/(2*clicks), currency)
}

// percent spells part of whole with two decimals, half up; "–" of nothing.
func percent(part, of int64) string {
	if of == 0 {
		return "–"
	}
	hundredths := (20_000*part + of) / (2 * of)
	s := strconv.FormatInt(hundredths/100, 10)
	if rest := hundredths % 100; rest != 0 {
		s += "." + strings.TrimRight(strconv.FormatInt(100+rest, 10)[1:], "0")
	}
	return s + " %"
}

func day(t time.Time, zone *time.Location) string { return t.In(zone).Format("2 Jan 2006") }

func moment(t time.Time, zone *time.Location) string { return t.In(zone).Format("2 Jan 2006, 15:04") }

// spellKind says why money moves.
func spellKind(k affiliate.EntryKind) string {
	if k == "manual" {
		return "by hand"
	}
	return words(string(k))
}

var plainWords = map[string]string{
	"earn": "earned", "reverse": "taken back", "dispute_hold": "held in a dispute", "dispute_release": "released from a dispute",
	"manual": "hand", "payout": "paid out", "payout_failed": "payout failed",
	"self_referral": "self-referral", "fast_order": "order too fast", "many_clicks": "many clicks", "banned_referrer": "banned site", "paid_search": "paid search", "claimed_user": "another browser's click", "refund_unclear": "unclear refund",
	"dead": "given up",
	"last": "the last click", "first": "the first click", "customer": "an earlier order of the customer", "coupon": "a coupon", "none": "nobody", "touch": "click",
}

// words spells a name of the ledger for people.
func words(name string) string {
	if s, ok := plainWords[name]; ok {
		return s
	}
	return strings.ReplaceAll(name, "_", " ")
}

// capital makes a sentence of words.
func capital(text string) string {
	for i, r := range text {
		if i == 0 {
			return strings.ToUpper(string(r)) + text[len(string(r)):]
		}
	}
	return text
}
