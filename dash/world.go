package dash

import (
	"context"
	"fmt"
	"regexp"
	"sync"
)

// worldMap is the map of countries, shaded by their shares. It has no figure that the list
// does not have.
type worldMap struct {
	Lands  []land
	Legend []string // words of the shades, the lightest first
}

// land is a country on the map.
type land struct {
	row
	Shade int // 1 to len(shades)
	Title string
}

// shades are the least shares of the map's shades, in per cent, the lightest first: each
// some three times the one before, as countries differ by that.
var shades = []float64{0, 1, 3, 10, 30}

// drawnLands are the countries that the map has.
var drawnLands = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{}
	for _, id := range regexp.MustCompile(`<path id="([A-Z]{2})"`).FindAllSubmatch(embedded("world.svg"), -1) {
		all[string(id[1])] = true
	}
	return all
})

// world makes the map: of the rows if these are countries, else of the countries beside
// them.
func (d *Door) world(ctx context.Context, s state, x span, b box, li listing, rows []row) (*worldMap, error) {
	if countries := b.lists[0]; li.key() != countries.key() {
		var err error
		if rows, _, err = d.rows(ctx, s, x, countries); err != nil {
			return nil, err
		}
	}
	w := &worldMap{Legend: []string{s.Say("under {share}", s.Percent(fmt.Sprint(shades[1])))}}
	for _, least := range shades[1:] {
		w.Legend = append(w.Legend, s.Say("from {share}", s.Percent(fmt.Sprint(least))))
	}
	for _, r := range rows {
		if drawnLands()[r.Code] {
			w.Lands = append(w.Lands, land{r, 1, s.Say("{country}: {n} visitors", r.Label, r.n)})
		}
	}
	return w, nil
}

// share shades the countries by their part of the whole.
func (w *worldMap) share(l tongue, of int64) {
	for i := range w.Lands {
		at := &w.Lands[i]
		part := share(at.n, of)
		for shade, least := range shades {
			if part >= least {
				at.Shade = shade + 1
			}
		}
		at.Title += ", " + l.percent(part)
	}
}
