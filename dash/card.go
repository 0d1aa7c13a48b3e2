package dash

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"net/http"
	"sync"
	"time"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	dots "golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"

	"footfall/account"
	"footfall/metric"
	"footfall/period"
)

// The card is a picture of a public site, of the size that networks show beside a link
// (https://ogp.me): 1200 × 630 pixels.
const (
	cardWidth  = 1200
	cardHeight = 630
	cardEdge   = 72
	cardPen    = 4 // half of a line's width
	cardFor    = 10 * time.Minute
	cardPeriod = "Last30Days"
)

// Colours of the card: those of the light style sheet.
var (
	paper = color.RGBA{0xf7, 0xf4, 0xef, 0xff}
	ink   = color.RGBA{0x21, 0x1c, 0x17, 0xff}
	quiet = color.RGBA{0x6a, 0x61, 0x57, 0xff}
	mark  = color.RGBA{0xb4, 0x44, 0x1a, 0xff}
	soft  = color.RGBA{0xf8, 0xe4, 0xd7, 0xff}
	white = color.RGBA{0xff, 0xff, 0xff, 0xff}
)

// cards are the newest of each site, by language. One is drawn at a time.
type cards struct {
	mu  sync.Mutex
	all map[[2]string]card
}

// card is a picture and when it was drawn.
type card struct {
	at   time.Time
	text []byte
}

func newCards() *cards { return &cards{all: map[[2]string]card{}} }

// card is the picture of a public site.
func (d *Door) card(w http.ResponseWriter, r *http.Request, in visit) {
	site, err := d.shownSite(r)
	if err != nil {
		d.notShown(w, err)
		return
	}
	c, err := d.drawnCard(r.Context(), in.tongue, site)
	if err != nil {
		http.Error(w, in.Say("These figures can't be told just now."), http.StatusServiceUnavailable)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "image/png")
	h.Set("Cache-Control", "public, max-age=600")
	h.Set("Vary", "Accept-Language")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	http.ServeContent(w, r, "card.png", c.at, bytes.NewReader(c.text))
}

// drawnCard draws the card of a site, if the last one is too old.
func (d *Door) drawnCard(ctx context.Context, l tongue, site account.Site) (card, error) {
	d.cards.mu.Lock()
	defer d.cards.mu.Unlock()
	now := d.Now()
	if c := d.cards.all[[2]string{site.ID, l.Or().Tag}]; now.Sub(c.at) < cardFor {
		return c, nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s := state{tongue: l, site: site, period: cardPeriod, metric: string(metric.Visitors), guest: &guest{parts: site.Public}}
	x := spanOf(s, now, 0)
	total := d.totals(ctx, s, x, []metric.Name{metric.Visitors})[metric.Visitors]
	points, _, err := d.points(ctx, s, x, metric.Visitors)
	if err == nil {
		err = total.err
	}
	if err != nil {
		return card{}, err
	}
	text, err := drawCard(l, site.Domain, whole(l, total.N), s.onCard(total), s.day(period.DateOf(now, x.zone)), points)
	if err != nil {
		d.Log.Error("dash: a card could not be drawn", "error", err)
		return card{}, err
	}
	c := card{now.Truncate(time.Second), text}
	d.cards.all[[2]string{site.ID, l.Or().Tag}] = c
	return c, nil
}

// faces are the fonts of the card: read once.
var faces = sync.OnceValues(func() (read struct{ regular, bold *opentype.Font }, err error) {
	if read.regular, err = opentype.Parse(goregular.TTF); err == nil {
		read.bold, err = opentype.Parse(gobold.TTF)
	}
	return read, err
})

// onCard is the change that stands beside a card's number. From nothing there is none: "23
// new" above "visitors" would say that none of them had been there before.
func (s state) onCard(t *total) string {
	if t.over.None || t.before.None || t.before.N == 0 {
		return ""
	}
	change, _ := s.changeOf(metric.Visitors, t.over, t.before)
	return change
}

// drawCard draws a site's name, its visitors and a line of them by day, as PNG.
func drawCard(l tongue, domain, visitors, change, day string, points []point) ([]byte, error) {
	fonts, err := faces()
	if err != nil {
		return nil, fmt.Errorf("the card's fonts: %w", err)
	}
	p := canvas{image.NewRGBA(image.Rect(0, 0, cardWidth, cardHeight))}
	draw.Draw(p, p.Bounds(), image.NewUniform(paper), image.Point{}, draw.Src)
	p.logo(cardEdge, 60, 56)
	p.line(points, image.Rect(0, 372, cardWidth, 556))
	room := cardWidth - 2*cardEdge
	p.write(fonts.bold, 46, cardEdge+76, 104, ink, domain, room-76)
	at := p.write(fonts.bold, 132, cardEdge, 274, ink, visitors, room-200)
	if change != "" {
		p.write(fonts.bold, 44, at+28, 274, mark, change, cardWidth-cardEdge-at-28)
	}
	p.write(fonts.regular, 34, cardEdge, 332, quiet, l.Say("visitors in the last 30 days"), room)
	p.write(fonts.regular, 26, cardEdge, 602, quiet, l.Say("As of {day} · counted by Footfall, without cookies", day), room)
	var b bytes.Buffer
	err = png.Encode(&b, p)
	return b.Bytes(), err
}

// canvas is what is drawn on.
type canvas struct{ *image.RGBA }

// write writes a text with its left end at x and its foot at y, smaller if it is wider
// than the room and cut off where it would be too small to read, and tells where it ends.
func (p canvas) write(f *opentype.Font, size float64, x, y int, c color.Color, text string, room int) int {
	for {
		face, err := opentype.NewFace(f, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingNone})
		if err != nil {
			return x // of no size: a text of no width
		}
		pen := font.Drawer{Dst: p, Src: image.NewUniform(c), Face: face, Dot: dots.P(x, y)}
		wide, signs := pen.MeasureString(text).Ceil(), []rune(text)
		switch {
		case wide <= room || len(signs) < 3:
			pen.DrawString(text)
			return x + wide
		case size < 14:
			text = string(signs[:len(signs)-2]) + "…"
		default:
			size *= .9
		}
	}
}

// logo is Footfall's mark, as icon.svg has it.
func (p canvas) logo(x, y, size float32) {
	one := size / 32
	p.round(x, y, size, size, 8*one, mark)
	for i, top := range []float32{17, 11.5, 6} {
		p.round(x+(6+7.5*float32(i))*one, y+top*one, 5*one, 9*one, 2.5*one, white)
	}
}

// round fills a rectangle with round corners.
func (p canvas) round(x, y, w, h, r float32, c color.Color) {
	left, top := int(x), int(y)
	z := vector.NewRasterizer(int(w)+2, int(h)+2)
	rounded(z, x-float32(left), y-float32(top), w, h, r)
	z.Draw(p, z.Bounds().Add(image.Pt(left, top)), image.NewUniform(c), image.Point{})
}

// rounded adds a rectangle with round corners, clockwise.
func rounded(z *vector.Rasterizer, x, y, w, h, r float32) {
	z.MoveTo(x+r, y)
	for _, corner := range [][6]float32{{x + w - r, y, x + w, y, x + w, y + r}, {x + w, y + h - r, x + w, y + h, x + w - r, y + h}, {x + r, y + h, x, y + h, x, y + h - r}, {x, y + r, x, y, x + r, y}} {
		z.LineTo(corner[0], corner[1])
		z.QuadTo(corner[2], corner[3], corner[4], corner[5])
	}
	z.ClosePath()
}

// line draws the figures of days from edge to edge: an area, and a line on top of it.
// The day that is not over is left out.
func (p canvas) line(points []point, in image.Rectangle) {
	var top int64 = 1
	var days []int64
	for _, one := range points {
		if !one.now.None && !one.partial {
			days, top = append(days, one.now.N), max(top, one.now.N)
		}
	}
	if len(days) < 2 {
		return
	}
	at := func(i int) (x, y float32) {
		return float32(in.Dx()) * float32(i) / float32(len(days)-1), cardPen + float32(in.Dy())*(1-float32(days[i])/float32(top))
	}
	box := image.Rect(in.Min.X, in.Min.Y-cardPen, in.Max.X, in.Max.Y+cardPen)
	area, line := vector.NewRasterizer(box.Dx(), box.Dy()), vector.NewRasterizer(box.Dx(), box.Dy())
	area.MoveTo(0, float32(in.Dy())+cardPen)
	for i := range days {
		x, y := at(i)
		area.LineTo(x, y)
		rounded(line, x-cardPen, y-cardPen, 2*cardPen, 2*cardPen, cardPen) // so that corners have no gaps
		if i > 0 {
			from, high := at(i - 1)
			stroke(line, from, high, x, y)
		}
	}
	area.LineTo(float32(in.Dx()), float32(in.Dy())+cardPen)
	area.ClosePath()
	area.Draw(p, box, image.NewUniform(soft), image.Point{})
	line.Draw(p, box, image.NewUniform(mark), image.Point{})
}

// stroke adds a straight line, as a rectangle along it, clockwise: what turns the other
// way would cut holes.
func stroke(z *vector.Rasterizer, x1, y1, x2, y2 float32) {
	long := float32(math.Hypot(float64(x2-x1), float64(y2-y1)))
	dx, dy := (y2-y1)/long*cardPen, (x1-x2)/long*cardPen
	z.MoveTo(x1+dx, y1+dy)
	z.LineTo(x2+dx, y2+dy)
	z.LineTo(x2-dx, y2-dy)
	z.LineTo(x1-dx, y1-dy)
	z.ClosePath()
}
