package dash

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rgb is a colour in linear light, as WCAG 2.2 and the simulations below take it.
type rgb [3]float64

// colourOf reads #rrggbb.
func colourOf(t *testing.T, hex string) (c rgb) {
	t.Helper()
	n, err := strconv.ParseUint(strings.TrimPrefix(hex, "#"), 16, 32)
	if err != nil || len(hex) != 7 {
		t.Fatalf("%q is no colour", hex)
	}
	for i := range c {
		if v := float64(n>>(16-8*i)&255) / 255; v <= .04045 {
			c[i] = v / 12.92
		} else {
			c[i] = math.Pow((v+.055)/1.055, 2.4)
		}
	}
	return c
}

// contrast is WCAG's ratio: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
func contrast(a, b rgb) float64 {
	luminance := func(c rgb) float64 { return .2126*c[0] + .7152*c[1] + .0722*c[2] }
	return (max(luminance(a), luminance(b)) + .05) / (min(luminance(a), luminance(b)) + .05)
}

// sights are how colours are seen: by most people, and by those who lack a kind of
// cones. Machado, Oliveira, Fernandes: A Physiologically-based Model for Simulation of
// Color Vision Deficiency, IEEE TVCG 15(6), 2009, table 1, severity 1.
var sights = map[string][3]rgb{
	"all cones":    {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
	"protanopia":   {{.152286, 1.052583, -.204868}, {.114503, .786281, .099216}, {-.003882, -.048116, 1.051998}},
	"deuteranopia": {{.367322, .860646, -.227968}, {.280085, .672501, .047413}, {-.011820, .042940, .968881}},
	"tritanopia":   {{1.255528, -.076749, -.178779}, {-.078411, .930809, .147602}, {.004733, .691367, .303900}},
}

func (c rgb) seen(by [3]rgb) (to rgb) {
	for i, row := range by {
		to[i] = min(1, max(0, row[0]*c[0]+row[1]*c[1]+row[2]*c[2]))
	}
	return to
}

// lab is CIE 1976 L*a*b* by the white of sRGB (D65): IEC 61966-2-1, ISO/CIE 11664-4.
func (c rgb) lab() (to [3]float64) {
	f := func(v float64) float64 {
		if v > 216./24389 {
			return math.Cbrt(v)
		}
		return (24389./27*v + 16) / 116
	}
	x := f((.4124564*c[0] + .3575761*c[1] + .1804375*c[2]) / .95047)
	y := f(.2126729*c[0] + .7151522*c[1] + .0721750*c[2])
	z := f((.0193339*c[0] + .1191920*c[1] + .9503041*c[2]) / 1.08883)
	return [3]float64{116*y - 16, 500 * (x - y), 200 * (y - z)}
}

// apart is how different two colours are (ΔE*ab, ISO/CIE 11664-4); 2.3 is just noticed.
func apart(a, b rgb) float64 {
	p, q := a.lab(), b.lab()
	return math.Hypot(math.Hypot(p[0]-q[0], p[1]-q[1]), p[2]-q[2])
}

var (
	ofRoot  = regexp.MustCompile(`(?s):root \{(.*?)\}`)
	ofDark  = regexp.MustCompile(`(?s)@media \(prefers-color-scheme: dark\) \{\s*:root \{(.*?)\}\s*\}`)
	ofToken = regexp.MustCompile(`--([a-z0-9-]+): (#[0-9a-f]{6});`)
	ofText  = regexp.MustCompile(`(?:[{;]|\n)\s*color: var\(--([a-z0-9-]+)\)`)
	ofUse   = regexp.MustCompile(`var\(--([a-z0-9-]+)\)`)
)

// schemes are the colours of the sheets, by name: light and dark.
func schemes(t *testing.T) map[string]map[string]rgb {
	t.Helper()
	sheet := string(assets()["dash.css"])
	all := map[string]map[string]rgb{"light": {}, "dark": {}}
	read := func(to map[string]rgb, blocks [][]string) {
		for _, block := range blocks {
			for _, m := range ofToken.FindAllStringSubmatch(block[1], -1) {
				to[m[1]] = colourOf(t, m[2])
			}
		}
	}
	read(all["light"], ofRoot.FindAllStringSubmatch(ofDark.ReplaceAllString(sheet, ""), -1))
	read(all["dark"], ofDark.FindAllStringSubmatch(sheet, -1))
	if light, dark := slices.Sorted(maps.Keys(all["light"])), slices.Sorted(maps.Keys(all["dark"])); len(light) < 15 || !slices.Equal(light, dark) {
		t.Fatalf("light has the colours %q, dark %q", light, dark)
	}
	return all
}

// texts are the colours of text, each on what it may stand on.
var texts = map[string][]string{
	"ink": {"paper", "card", "faint", "mark-soft", "mark-softer", "raised"}, "quiet": {"paper", "card", "faint", "mark-soft", "mark-softer", "raised"},
	"mark": {"paper", "card", "faint", "mark-soft", "mark-softer"}, "good": {"paper", "card", "mark-softer"}, "bad": {"paper", "card", "mark-softer"},
	"card": {"mark"}, "paper": {"ink"}, // of buttons and tips
}

// TestContrast: text stands out from what is behind it by 4.5 to 1, and what is drawn or
// has to be found by 3 to 1 (WCAG 2.2, 1.4.3 and 1.4.11), light and dark.
func TestContrast(t *testing.T) {
	drawn := map[string][]string{"mark": {"card", "paper"}, "was": {"card", "paper"}, "live": {"card", "paper"}, "ink": {"card"}, "shade4": {"card"}, "shade5": {"card"}}
	for scheme, colours := range schemes(t) {
		for least, pairs := range map[float64]map[string][]string{4.5: texts, 3: drawn} {
			for name, grounds := range pairs {
				for _, ground := range grounds {
					if got := contrast(colours[name], colours[ground]); got < least {
						t.Errorf("%s: %s on %s is %.2f to 1, want %g", scheme, name, ground, got, least)
					}
				}
			}
		}
	}
}

// TestColoursOfText: no sheet writes in a colour that is not for text.
func TestColoursOfText(t *testing.T) {
	colours := schemes(t)["light"]
	for _, name := range sheets {
		sheet := string(embedded("css/" + name + ".css"))
		for _, m := range ofText.FindAllStringSubmatch(sheet, -1) {
			if texts[m[1]] == nil {
				t.Errorf("%s.css writes in %s", name, m[1])
			}
		}
		for _, m := range ofUse.FindAllStringSubmatch(sheet, -1) {
			if _, known := colours[m[1]]; !known && !slices.Contains([]string{"shadow", "heat", "shade"}, m[1]) {
				t.Errorf("%s.css has %s, which no scheme has", name, m[1])
			}
		}
	}
}

// TestColoursApart: what a picture tells apart by colour stays apart for who lacks a kind
// of cones.
func TestColoursApart(t *testing.T) {
	pairs := [][3]any{{"mark", "was", 25.}, {"good", "bad", 10.}, {"mark", "live", 10.}, {"land", "shade1", 10.}}
	for i := range 4 {
		pairs = append(pairs, [3]any{fmt.Sprint("shade", i+1), fmt.Sprint("shade", i+2), 12.})
	}
	for scheme, colours := range schemes(t) {
		for sight, by := range sights {
			for _, p := range pairs {
				a, b := colours[p[0].(string)].seen(by), colours[p[1].(string)].seen(by)
				if got := apart(a, b); got < p[2].(float64) {
					t.Errorf("%s, %s: %s and %s are %.1f apart, want %g", scheme, sight, p[0], p[1], got, p[2])
				}
			}
		}
	}
}
