package metric

import (
	"time"

	"footfall/period"
)

// Words of conditions, as questions to the API have them.
const (
	WordAll, WordAny, WordNot = "and", "or", "not"
	WordDone, WordNotDone     = "has_done", "has_not_done"
	WordNegated               = "_not" // behind a comparison; of is: before nothing else
)

// Spell spells the condition as POST /v1/query reads it: ["is", "page", ["/"]].
func (w Where) Spell() []any {
	several := func(op string, of []Where) []any {
		all := make([]any, len(of))
		for i, one := range of {
			all[i] = one.Spell()
		}
		return []any{op, all}
	}
	switch {
	case len(w.All) > 0:
		return several(WordAll, w.All)
	case len(w.Any) > 0:
		return several(WordAny, w.Any)
	case w.Not != nil && w.Not.Done != nil:
		return []any{WordNotDone, w.Not.Done.Spell()}
	case w.Not != nil && w.Not.Dimension != "":
		return []any{string(w.Not.Op) + WordNegated, string(w.Not.Dimension), w.Not.Values}
	case w.Not != nil:
		return []any{WordNot, w.Not.Spell()}
	case w.Done != nil:
		return []any{WordDone, w.Done.Spell()}
	}
	return []any{string(w.Op), string(w.Dimension), w.Values}
}

// SpellRange spells a window as questions to the API have it: its first and last day,
// or of one that is not of whole days its first and last second.
func SpellRange(w period.Window, zone *time.Location) [2]string {
	if from, to, whole := w.Dates(zone); whole {
		return [2]string{from.String(), (to - 1).String()}
	}
	return [2]string{w.From.In(zone).Format(time.RFC3339), w.To.Add(-time.Second).In(zone).Format(time.RFC3339)}
}
