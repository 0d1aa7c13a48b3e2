package duckdb

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/duckdb/duckdb-go/v2"
)

// plain is a value of the driver's as store.Selected has it.
func plain(v any) any {
	switch x := v.(type) {
	case int8, int16, int32, uint8, uint16, uint32, uint64:
		return json.Number(fmt.Sprint(x))
	case float32:
		return float64(x)
	case *big.Int:
		return json.Number(x.String())
	case duckdb.Decimal:
		return json.Number(decimal(x.Value, int(x.Scale)))
	case duckdb.Interval:
		return interval(x)
	case duckdb.UUID:
		return x.String()
	case []byte:
		return hex.EncodeToString(x)
	case []any:
		all := make([]any, len(x))
		for i, one := range x {
			all[i] = plain(one)
		}
		return all
	case map[string]any:
		all := make(map[string]any, len(x))
		for key, one := range x {
			all[key] = plain(one)
		}
		return all
	case duckdb.Map:
		all := make(map[string]any, len(x))
		for key, one := range x {
			if t, ok := key.(time.Time); ok { // as sqlapi spells it elsewhere
				key = strings.TrimSuffix(t.UTC().Format("2006-01-02 15:04:05.000000"), "000")
			}
			all[fmt.Sprint(plain(key))] = plain(one)
		}
		return all
	}
	return v
}

// decimal spells a number of scale digits behind the point, all of them.
func decimal(n *big.Int, scale int) string {
	digits := new(big.Int).Abs(n).String()
	if len(digits) <= scale {
		digits = strings.Repeat("0", scale-len(digits)+1) + digits
	}
	text := digits
	if scale > 0 {
		text = digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
	}
	if n.Sign() < 0 {
		text = "-" + text
	}
	return text
}

// interval spells a stretch of time, such as 14 months 3 days 04:05:06.000000.
func interval(x duckdb.Interval) string {
	var parts []string
	if x.Months != 0 {
		parts = append(parts, strconv.Itoa(int(x.Months))+" months")
	}
	if x.Days != 0 {
		parts = append(parts, strconv.Itoa(int(x.Days))+" days")
	}
	if us := x.Micros; us != 0 || len(parts) == 0 {
		sign := ""
		if us < 0 {
			sign, us = "-", -us
		}
		parts = append(parts, fmt.Sprintf("%s%02d:%02d:%02d.%06d", sign, us/3_600_000_000, us/60_000_000%60, us/1_000_000%60, us%1_000_000))
	}
	return strings.Join(parts, " ")
}

// caret is the end of an error of DuckDB's: a line of the query, or a part of
// it, and a mark below.
var caret = regexp.MustCompile(`(?s)\n\nLINE (\d+): (.*)\n( *)\^\s*$`)

// wrong is an error of DuckDB's about a query. skip is how many lines it saw
// before the query.
func wrong(query, message string, skip int) error {
	at := -1
	if m := caret.FindStringSubmatchIndex(message); m != nil {
		line, _ := strconv.Atoi(message[m[2]:m[3]])
		shown, below := message[m[4]:m[5]], m[7]-m[6]-len("LINE : ")-(m[3]-m[2])
		at = spot(query, line-1-skip, shown, below)
		message = message[:m[0]]
	}
	for _, begin := range []string{"\n\nPossible solutions:", "\n\nStack Trace:"} { // are for who runs the server
		message, _, _ = strings.Cut(message, begin)
	}
	return refused(at, own(strings.TrimSpace(message)))
}

// own says in our words what DuckDB says of its settings, which nobody who asks can
// change.
func own(message string) string {
	switch {
	case strings.HasPrefix(message, "Out of Memory Error"):
		return "this took more memory than the event store has: ask for a shorter time, or for less"
	case strings.HasPrefix(message, "Max expression depth"):
		return "the query is nested too deeply: make it simpler"
	}
	return message
}

// spot is the byte of a query that a mark below a shown part of a line points at.
func spot(query string, line int, shown string, below int) int {
	lines := strings.SplitAfter(query, "\n")
	if line < 0 || line >= len(lines) {
		return -1
	}
	shown = strings.TrimSuffix(shown, "...")
	if short, cut := strings.CutPrefix(shown, "..."); cut {
		shown, below = short, below-3
	}
	begin := strings.Index(lines[line], shown)
	if begin < 0 || below < 0 || below > len(shown) {
		return -1
	}
	for i, width := 0, 0; ; width++ { // the mark stands below characters, not bytes
		if width == below || i >= len(shown) {
			return len(strings.Join(lines[:line], "")) + begin + i
		}
		_, size := utf8.DecodeRuneInString(shown[i:])
		i += size
	}
}
