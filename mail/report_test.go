package mail

import (
	"strings"
	"testing"
	"unicode"
)

// TestReport compares a letter with figures with its file in testdata; -update writes it.
func TestReport(t *testing.T) {
	r := Report{Server: "stats.example.com", Title: "kurse.example", Period: "16 Nov – 22 Nov 2026", Before: "9 Nov – 15 Nov 2026", Note: "A note.", Subject: "kurse.example: 16 Nov – 22 Nov 2026",
		Sums:  []Sum{{"Visitors", "1\u202f234", "1\u202f100", "+12\u202f%", Better}, {"Bounce rate", "53.3\u202f%", "50.0\u202f%", "+3.3\u202fpt", Worse}, {"Revenue", "1\u202f234.50 EUR", "0.00 EUR", "new", Neutral}},
		Chart: &Chart{PNG: []byte("PNG"), Alt: "Bars of page views", Most: "400", From: "16 Nov", To: "22 Nov", Wide: "Page views", Small: "Visitors"},
		Lists: []List{{"Pages", "Page views", []Row{{"/", "900", "800"}, {"/a/long/path/that/has/no/room/beside/its/figures/at/all", "30", "0"}}}},
		End:   "You get this because you asked for it.", Button: "Open the dashboard", Link: "https://stats.example.com/?site=kurse-example", Unsubscribe: "https://stats.example.com/unsubscribe/ffu_x"}
	m := WriteReport("sub_a.2026-11-23", Address{"Ada", "ada@people.example"}, r)
	golden(t, "report.txt", "Subject: "+m.Subject+"\n\n"+m.Text)
	golden(t, "report.html", m.HTML)
	for _, figure := range []string{"1\u202f234", "1\u202f100", "+12\u202f%", "53.3\u202f%", "1\u202f234.50 EUR", "900", "800", "kurse.example", r.Unsubscribe, r.Before, r.End} {
		if !strings.Contains(m.Text, figure) || !strings.Contains(strings.ReplaceAll(m.HTML, "&#43;", "+"), figure) {
			t.Errorf("%q is not in both texts", figure)
		}
	}
	if strings.Contains(m.HTML, "ZgotmplZ") || !strings.Contains(m.HTML, `src="cid:sub_a.2026-11-23.chart@footfall"`) || !strings.Contains(m.Page(), `src="data:image/png;base64,UE5H"`) || strings.Contains(m.Page(), "cid:") {
		t.Errorf("the picture is not shown: %s", m.HTML)
	}
}

// TestReportIsClean: what anybody may write, as paths of pages are, ends no line and
// is no markup.
func TestReportIsClean(t *testing.T) {
	bad := "/x\r\nBcc: eve@evil.example\x00\u2028\u202ecod.exe <script>" + strings.Repeat("ö", 500)
	r := Report{Title: bad, Period: bad, Before: bad, Subject: bad, Sums: []Sum{{"Visitors", "1", "1", "", Neutral}}, Lists: []List{{bad, "Visitors", []Row{{bad, "1", "2"}}}}, Button: "Go", Link: "https://a.example/"}
	m := WriteReport("id", Address{bad, "ada@people.example"}, r)
	odd := func(c rune) bool { return unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) || c == '\u2028' }
	if strings.ContainsFunc(m.Subject, odd) || strings.ContainsFunc(m.To.Name, odd) || strings.ContainsFunc(strings.ReplaceAll(m.Text, "\n", ""), odd) || strings.Contains(m.HTML, "<script>") || len(m.Images) > 0 {
		t.Errorf("%q\n%q\n%s", m.Subject, m.Text, m.HTML)
	}
	for _, line := range strings.Split(m.Text, "\n") {
		if strings.HasPrefix(line, "Bcc:") || len([]rune(line)) > 130 {
			t.Errorf("a line is %q", line)
		}
	}
}
