package collect

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"net/url"
	"strings"

	"github.com/boombuler/barcode/qr"

	"footfall/event"
)

// Of a QR code's picture.
const (
	quiet     = 4 // modules of white around the code (ISO/IEC 18004)
	moduleDot = 8 // pixels of a module's side in a PNG
)

// maxHost is how long a host's name may be (RFC 1035): the longer the text, the
// longer it takes to draw, and a sender may name any host.
const maxHost = 253

// linkRoute finds what answers a path below /r/.
func linkRoute(path string) handler {
	code, what := splitLink(path)
	switch {
	case code == "":
		return nil
	case what == "":
		return (*Collector).follow
	case what == "qr.svg" || what == "qr.png":
		return (*Collector).qrCode
	}
	return nil
}

// qrCode answers the picture of a link, for print. What is scanned tells that it
// was.
func (c *Collector) qrCode(w http.ResponseWriter, r *http.Request, _ event.Kind) *refusal {
	link, ok := c.linkOf(r.URL.Path)
	if !ok {
		c.noLink(w, "There is no such link, so there is no picture of it.")
		return nil
	}
	origin := c.Public
	if origin == "" && len(r.Host) > maxHost {
		return &refusal{status: http.StatusBadRequest, why: "the host is longer than 253 bytes"}
	} else if origin == "" {
		origin = scheme(r) + "://" + r.Host
	}
	j, ref := c.enter() // drawing takes longer than most that is sent
	if ref != nil {
		return ref
	}
	defer c.leave(j)
	address := origin + "/r/" + url.PathEscape(link.Code) + "?src=qr"
	modules, err := modulesOf(address)
	if err != nil {
		return &refusal{status: http.StatusBadRequest, why: "the link is too long for a QR code"}
	}
	h := w.Header()
	draw, what := modules.png, "image/png"
	if strings.HasSuffix(strings.TrimSuffix(r.URL.Path, "/"), ".svg") {
		draw, what = modules.svg, "image/svg+xml"
	}
	h.Set("Content-Type", what)
	if c.cached(w, r, etag([]byte(what+address))) {
		return nil
	}
	_, _ = w.Write(draw()) // who has gone needs no picture
	c.Count("request", "200", 1)
	return nil
}

// modules is a QR code: its dark modules by row and column.
type modules [][]bool

// modulesOf encodes a text so that it can be read with 15 % of it covered.
func modulesOf(text string) (modules, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return nil, err
	}
	size := code.Bounds().Dx()
	m := make(modules, size)
	for y := range m {
		m[y] = make([]bool, size)
		for x := range m[y] {
			m[y][x] = code.At(x, y) == color.Black
		}
	}
	return m, nil
}

// svg draws each run of dark modules of a row as one rectangle.
func (m modules) svg() []byte {
	var b bytes.Buffer
	size := len(m) + 2*quiet
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h%dv%dH0z"/><path d="`, size, size, size, size)
	for y, row := range m {
		for x := 0; x < len(row); x++ {
			from := x
			for x < len(row) && row[x] {
				x++
			}
			if x > from {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", from+quiet, y+quiet, x-from, x-from)
			}
		}
	}
	b.WriteString(`"/></svg>`)
	return b.Bytes()
}

func (m modules) png() []byte {
	size := (len(m) + 2*quiet) * moduleDot
	picture := image.NewPaletted(image.Rect(0, 0, size, size), color.Palette{color.White, color.Black})
	for y := range size {
		for x := range size {
			row, column := y/moduleDot-quiet, x/moduleDot-quiet
			if row >= 0 && row < len(m) && column >= 0 && column < len(m) && m[row][column] {
				picture.SetColorIndex(x, y, 1)
			}
		}
	}
	var b bytes.Buffer
	_ = png.Encode(&b, picture) // a buffer takes all
	return b.Bytes()
}
