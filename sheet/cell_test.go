package sheet

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"testing"
)

// FuzzCell: cells and texts are the bytes of encoding/csv and encoding/json.
func FuzzCell(f *testing.F) {
	for _, text := range []string{"", "a", " a", "a b", "a,b", `a"b`, "a\nb", "a\rb", "=1+1", "=1,2", `="x"`, "+", "-1", "@a", "\tx", "\nx", `\.`, "é", "\u2028", "\u3000x", "\u00a0x", "\xff", "<b>", "&", `\`, "\x00", "\x7f", "日本", "\ufffd", "\vx", "'x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		_ = w.Write([]string{Harmless(text), "x"})
		w.Flush()
		if got := string(AppendCell(nil, text)) + ",x\n"; got != b.String() {
			t.Errorf("%q as a cell is %q, by encoding/csv %q", text, got, b.String())
		}
		want, _ := json.Marshal(text)
		if got := AppendText(nil, text); string(got) != string(want) {
			t.Errorf("%q as JSON is %s, by encoding/json %s", text, got, want)
		}
	})
}
