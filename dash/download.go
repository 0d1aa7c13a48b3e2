package dash

import (
	"context"
	"encoding/json"
	"net/http"

	"footfall/account"
	"footfall/metric"
	"footfall/sheet"
)

// fileHref is the URL of the state's list as a file: all rows that are found, with the same
// columns and in the same order.
func (s state) fileHref() string {
	v := s.values()
	v.Del("detail")
	v.Del("offset")
	v.Set("csv", s.detail)
	return s.path() + "?" + v.Encode()
}

// download writes a list with all its columns, values as filters have them and figures
// exactly.
func (d *Door) download(ctx context.Context, w http.ResponseWriter, s state, name string) {
	_, li, ok := s.find(name)
	if ok = ok && s.guest.has(account.Files); !ok && s.guest != nil {
		d.notShown(w, account.ErrNotFound)
		return
	}
	if !ok {
		d.refuse(w, http.StatusNotFound, "There is no such list.")
		return
	}
	s.detail, s.offset = name, 0
	r, t, _, err := d.columns(ctx, s, d.span(ctx, s), li, metric.MaxRows)
	if err != nil {
		d.refuse(w, http.StatusServiceUnavailable, key(d.fault(ctx, s, "list "+name+" as a file", err)))
		return
	}
	columns := []sheet.Column{{Name: string(li.by)}}
	for _, m := range r.Metrics {
		columns = append(columns, sheet.Column{Name: string(m), Type: m.Type()})
	}
	out := s.file(w, name, columns)
	for _, row := range t.Rows {
		cells := []any{row.Keys[0]}
		if li.by == "source" && row.Keys[0] == "" {
			cells[0] = direct
		}
		for i, v := range row.Values {
			if v.None {
				cells = append(cells, nil)
			} else {
				cells = append(cells, json.Number(r.Metrics[i].Spell(v.N)))
			}
		}
		if out.Row(cells...) != nil {
			return // the client is gone
		}
	}
	_ = out.Close()
}
