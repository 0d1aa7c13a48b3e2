package digest

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"strconv"

	"footfall/mail"
)

// The picture is drawn with twice the pixels that it is shown with, for fine screens.
const (
	chartWidth  = 1072
	chartHeight = 320
	corner      = 6 // radius, in pixels
	thinnest    = 3 // bar that is not nothing, in pixels
)

// draw draws a slim bar before a broad one for each step, on no ground: letters are
// read on light and on dark paper. Bars that are not nothing are seen.
func draw(wide, small []int64) []byte {
	most := int64(1)
	for _, n := range append(wide[:len(wide):len(wide)], small...) {
		most = max(most, n)
	}
	m := image.NewNRGBA(image.Rect(0, 0, chartWidth, chartHeight))
	ground := float64(chartHeight - 2)
	for y := chartHeight - 2; y < chartHeight; y++ {
		for x := range chartWidth {
			m.SetNRGBA(x, y, paint("#8d8378"))
		}
	}
	slot := float64(chartWidth) / float64(max(1, len(wide)))
	bar := func(i int, n int64, share float64, c color.NRGBA) {
		if n <= 0 {
			return
		}
		high := max(thinnest, math.Round(float64(n)/float64(most)*(ground-2)))
		width := max(2, math.Round(slot*share))
		left := math.Round(slot*(float64(i)+.5) - width/2)
		fill(m, left, ground-high, left+width, ground, c)
	}
	for i := range wide {
		bar(i, wide[i], .72, paint(mail.WideColor))
		bar(i, small[i], .36, paint(mail.SmallColor))
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err) // nothing that a buffer refuses
	}
	return b.Bytes()
}

// paint is a color written #rrggbb.
func paint(hex string) color.NRGBA {
	n, _ := strconv.ParseUint(hex[1:], 16, 32) // a constant
	return color.NRGBA{uint8(n >> 16), uint8(n >> 8), uint8(n), 255}
}

// fill fills a rectangle whose upper corners are round, with smooth edges.
func fill(m *image.NRGBA, left, top, right, bottom float64, c color.NRGBA) {
	r := min(corner, (right-left)/2, bottom-top)
	for y := int(top); y < int(bottom); y++ {
		for x := int(left); x < int(right); x++ {
			share := covered(float64(x)-left, float64(y)-top, right-left, r)
			if share == 0 {
				continue
			}
			mix(m, x, y, c, share)
		}
	}
}

// covered is how much of the pixel at x, y lies in a shape of a width whose upper
// corners have a radius: sixteen points are looked at.
func covered(x, y, width, r float64) float64 {
	if y >= r || x >= r && x+1 <= width-r {
		return 1
	}
	in := 0
	for i := range 16 {
		px, py := x+(float64(i%4)+.5)/4, y+(float64(i/4)+.5)/4
		dx := max(r-px, px-(width-r), 0)
		if dy := max(r-py, 0); dx*dx+dy*dy <= r*r {
			in++
		}
	}
	return float64(in) / 16
}

// mix lays a color over a pixel.
func mix(m *image.NRGBA, x, y int, c color.NRGBA, share float64) {
	under := m.NRGBAAt(x, y)
	if under.A == 0 {
		c.A = uint8(math.Round(255 * share))
		m.SetNRGBA(x, y, c)
		return
	}
	blend := func(a, b uint8) uint8 { return uint8(math.Round(float64(a)*(1-share) + float64(b)*share)) }
	alpha := float64(under.A)/255*(1-share) + share
	m.SetNRGBA(x, y, color.NRGBA{blend(under.R, c.R), blend(under.G, c.G), blend(under.B, c.B), uint8(math.Round(255 * alpha))})
}
